{{/* Where Redis is: in the words of the farm (one address), and in those of KEDA (its parts). */}}

{{- define "gopfarm.redis.service" -}}
{{ include "gopfarm.fullname" . }}-redis
{{- end -}}

{{/* The Secret that has the password of the bundled Valkey, or the address of an external Redis. */}}
{{- define "gopfarm.redis.secret" -}}
{{- $redis := .Values.redis -}}
{{- if $redis.bundled.enabled -}}
{{ $redis.bundled.existingSecret | default (include "gopfarm.redis.service" .) }}
{{- else if $redis.external.existingSecret -}}
{{ $redis.external.existingSecret }}
{{- else if $redis.external.url -}}
{{ include "gopfarm.redis.service" . }}
{{- else -}}
{{ fail "redis.bundled is off: redis.external.existingSecret or redis.external.url must say where Redis is" }}
{{- end -}}
{{- end -}}

{{/* Variables that tell the farm. Takes root, and perhaps key: of an address for one role. */}}
{{- define "gopfarm.redis.env" -}}
{{- $redis := .root.Values.redis -}}
{{- $secret := include "gopfarm.redis.secret" .root -}}
{{- if and .key (or $redis.bundled.enabled (not $redis.external.existingSecret)) -}}
{{- fail (printf "access.redisUrlKey: %s is a key of redis.external.existingSecret, which is not in use" .key) -}}
{{- end -}}
{{- if $redis.bundled.enabled -}}
- name: REDIS_PASSWORD
  valueFrom:
    secretKeyRef: {name: {{ $secret }}, key: password}
- name: GOPFARM_REDIS_URL
  value: redis://:$(REDIS_PASSWORD)@{{ include "gopfarm.redis.service" .root }}:6379/0
{{- else -}}
- name: GOPFARM_REDIS_URL
  valueFrom:
    secretKeyRef: {name: {{ $secret }}, key: {{ empty $redis.external.existingSecret | ternary "redis-url" (.key | default $redis.external.urlKey) }}}
{{- end -}}
{{- end -}}

{{/* As YAML: address (empty if it is not known), tls, database, and the Secret's keys usernameKey and passwordKey. */}}
{{- define "gopfarm.redis.parts" -}}
{{- $external := .Values.redis.external -}}
{{- if .Values.redis.bundled.enabled -}}
address: {{ include "gopfarm.redis.service" . }}.{{ .Release.Namespace }}.svc:6379
tls: false
database: 0
usernameKey: ""
passwordKey: password
{{- else if and $external.url (not $external.existingSecret) -}}
{{- $url := urlParse $external.url -}}
{{- $user := splitn ":" 2 $url.userinfo -}}
address: {{ regexMatch ":[0-9]+$" $url.host | ternary $url.host (printf "%s:6379" $url.host) }}
tls: {{ eq $url.scheme "rediss" }}
database: {{ trimPrefix "/" $url.path | default "0" | int }}
usernameKey: {{ empty $user._0 | ternary "" "username" | quote }}
passwordKey: {{ empty $user._1 | ternary "" "password" | quote }}
{{- else -}}
{{- pick $external "address" "tls" "database" "usernameKey" "passwordKey" | toYaml -}}
{{- end -}}
{{- end -}}
