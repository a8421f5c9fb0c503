{{/* Names, labels and images. */}}

{{- define "gopfarm.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Short enough for what is put around it: pool names, and the keda-hpa- of KEDA, in 63 characters. */}}
{{- define "gopfarm.fullname" -}}
{{- $name := include "gopfarm.name" . -}}
{{- $full := .Values.fullnameOverride | default (contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name)) -}}
{{- $full | trunc 34 | trimSuffix "-" -}}
{{- end -}}

{{/* Labels that never change in the life of a release. Takes root and component, and perhaps pool. */}}
{{- define "gopfarm.selector" -}}
app.kubernetes.io/name: {{ include "gopfarm.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- with .pool }}
gopfarm/pool: {{ . }}
{{- end }}
{{- end -}}

{{/* Labels of an object. Takes what gopfarm.selector takes. */}}
{{- define "gopfarm.labels" -}}
{{ include "gopfarm.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: gopfarm
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Labels of a pod: no version, so that nothing restarts but for its template. Takes labels besides. */}}
{{- define "gopfarm.podLabels" -}}
{{ include "gopfarm.selector" . }}
{{- with mergeOverwrite (dict) (deepCopy .root.Values.commonLabels) (deepCopy (.labels | default (dict))) }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Takes root, and image with what differs from the farm's image. A tag of its own wins over the farm's digest. */}}
{{- define "gopfarm.image" -}}
{{- $own := .image | default dict -}}
{{- $image := mergeOverwrite (deepCopy .root.Values.image) (hasKey $own "tag" | ternary (dict "digest" "") dict) (deepCopy $own) -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default .root.Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "gopfarm.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "gopfarm.fullname" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end -}}
