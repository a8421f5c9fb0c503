{{/* Rules of network policies. */}}

{{/* Egress to peers and TCP ports. Takes to and ports. */}}
{{- define "gopfarm.egressTo" -}}
- ports:
    {{- range .ports }}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
  {{- with .to }}
  to: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* What every pod of the farm may reach: names, and Redis. */}}
{{- define "gopfarm.egressBase" -}}
{{- $policy := .Values.networkPolicy -}}
- ports:
    {{- range $policy.dns.ports }}
    - {protocol: UDP, port: {{ . }}}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
  to: {{- toYaml $policy.dns.to | nindent 4 }}
{{ if .Values.redis.bundled.enabled -}}
- ports: [{protocol: TCP, port: 6379}]
  to:
    - podSelector:
        matchLabels: {{- include "gopfarm.selector" (dict "root" . "component" "redis") | nindent 10 }}
{{- else -}}
{{- $known := (include "gopfarm.redis.parts" . | fromYaml).address | default "" | regexFind "[0-9]+$" -}}
{{ include "gopfarm.egressTo" (dict "to" $policy.externalRedis.to "ports" (list ($known | default $policy.externalRedis.port))) }}
{{- end }}
{{- end -}}
