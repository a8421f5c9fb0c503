{{/* How fast pools grow and shrink: the behavior of an HPA, KEDA's too. */}}
{{- define "gopfarm.behavior" -}}
{{- range $direction := list "scaleDown" "scaleUp" }}
{{- $pace := get $.Values.autoscaling $direction }}
{{ $direction }}:
  stabilizationWindowSeconds: {{ $pace.stabilizationSeconds }}
  selectPolicy: Max
  policies:
    - {type: Percent, value: {{ $pace.percent }}, periodSeconds: {{ $pace.periodSeconds }}}
    - {type: Pods, value: {{ $pace.pods }}, periodSeconds: {{ $pace.periodSeconds }}}
{{- end }}
{{- end -}}

{{/* What KEDA asks Prometheus. Takes root and queue. */}}
{{- define "gopfarm.backlogQuery" -}}
{{- $farm := "" -}}
{{- if .root.Values.metrics.serviceMonitor.enabled -}}
{{- $farm = printf `,namespace="%s",service="%s-metrics"` .root.Release.Namespace (include "gopfarm.fullname" .root) -}}
{{- end -}}
{{- $default := printf `max(gopfarm_backlog_slot_seconds{queue="%%QUEUE%%"%s})` $farm -}}
{{ .root.Values.autoscaling.prometheus.query | default $default | replace "%QUEUE%" .queue }}
{{- end -}}

{{/* A trigger of KEDA on how many entries a key of Redis has. Takes root, parts, key and target. */}}
{{- define "gopfarm.redisTrigger" -}}
- type: redis
  metadata:
    address: {{ .parts.address }}
    enableTLS: {{ .parts.tls | quote }}
    databaseIndex: {{ .parts.database | quote }}
    listName: {{ .key }}
    listLength: {{ .target | quote }}
    activationListLength: "0"
  {{- if .parts.passwordKey }}
  authenticationRef: {name: {{ include "gopfarm.redis.service" .root }}}
  {{- end }}
{{- end -}}
