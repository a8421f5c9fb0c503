{{/* What the pods of the farm have in common. */}}

{{- define "gopfarm.podSecurity" -}}
{{- include "gopfarm.securityOf" .Values.podSecurity -}}
{{- end -}}

{{/* The security context of a pod. Takes a table with user and group: null leaves them to the cluster. */}}
{{- define "gopfarm.securityOf" -}}
runAsNonRoot: true
{{- with .user }}
runAsUser: {{ int . }}
{{- end }}
{{- with .group }}
runAsGroup: {{ int . }}
fsGroup: {{ int . }}
{{- end }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{/* Takes writable: whether the root file system is, which nothing of the farm needs. */}}
{{- define "gopfarm.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: {{ not .writable }}
runAsNonRoot: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* The head of every pod's spec: service account, security, no links and no token. Takes root, and perhaps access. */}}
{{- define "gopfarm.podHead" -}}
serviceAccountName: {{ (.access | default dict).serviceAccount | default (include "gopfarm.serviceAccount" .root) }}
automountServiceAccountToken: false
# Links of services would come as variables that begin with GOPFARM_.
enableServiceLinks: false
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext: {{- include "gopfarm.podSecurity" .root | nindent 2 }}
{{- end -}}

{{/* Where pods go. Takes root, component, perhaps pool, spread (default: the keys to spread over), and at: the values. */}}
{{- define "gopfarm.placement" -}}
{{- with .at.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .at.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .at.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .at.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .at.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- if .at.topologySpreadConstraints }}
topologySpreadConstraints: {{- toYaml .at.topologySpreadConstraints | nindent 2 }}
{{- else if .spread }}
topologySpreadConstraints:
{{- $selector := include "gopfarm.selector" . }}
{{- range .spread }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- $selector | nindent 8 }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Variables of a container. Takes root, component, own: those of its role's values, and perhaps access: what the role has
     in place of what all share. */}}
{{- define "gopfarm.environment" -}}
{{- $values := .root.Values -}}
{{- $access := .access | default dict -}}
envFrom:
  - configMapRef: {name: {{ include "gopfarm.fullname" .root }}}
  {{- with $values.extraEnvFrom }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
env:
  {{- include "gopfarm.redis.env" (dict "root" .root "key" $access.redisUrlKey) | nindent 2 }}
  {{- with $access.s3Secret | default $values.s3.existingSecret }}
  - name: AWS_ACCESS_KEY_ID
    valueFrom:
      secretKeyRef: {name: {{ . }}, key: {{ $values.s3.accessKeyIdKey }}}
  - name: AWS_SECRET_ACCESS_KEY
    valueFrom:
      secretKeyRef: {name: {{ . }}, key: {{ $values.s3.secretAccessKeyKey }}}
  {{- end }}
  {{- if and $values.webhookSecret.existingSecret (eq .component "scheduler") }}
  - name: GOPFARM_WEBHOOK_SECRET
    valueFrom:
      secretKeyRef: {name: {{ $values.webhookSecret.existingSecret }}, key: {{ $values.webhookSecret.key }}}
  {{- end }}
  {{- if and $values.api.tokensSecret.existingSecret (eq .component "api") }}
  - name: GOPFARM_API_TOKENS
    valueFrom:
      secretKeyRef: {name: {{ $values.api.tokensSecret.existingSecret }}, key: {{ $values.api.tokensSecret.key }}}
  {{- end }}
  {{- with $values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- with .own }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* Volumes of a container, and of a pod, besides those of its role: scratch, and those of the operator. Mounts take
     root, volumes also scratch: an emptyDir, or storageClassName and sizeLimit of a volume for each pod. */}}
{{- define "gopfarm.mounts" -}}
- {name: scratch, mountPath: /scratch}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "gopfarm.volumes" -}}
- name: scratch
  {{- if .scratch.storageClassName }}
  ephemeral:
    volumeClaimTemplate:
      spec:
        accessModes: [ReadWriteOnce]
        storageClassName: {{ .scratch.storageClassName }}
        resources:
          requests: {storage: {{ .scratch.sizeLimit }}}
  {{- else }}
  emptyDir: {{- toYaml .scratch | nindent 4 }}
  {{- end }}
{{- with .root.Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Annotations of a pod: those of its values, and what restarts it when the configuration changes. Takes root, own. */}}
{{- define "gopfarm.podAnnotations" -}}
# What is in scratch is worth nothing elsewhere: it need not keep the cluster autoscaler from removing a node.
cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes: scratch
checksum/config: {{ include (print .root.Template.BasePath "/configmap.yaml") .root | sha256sum }}
{{- with .root.Values.redis.external.url }}
# Without its password: whoever may look at pods could try which one has this sum.
checksum/redis: {{ set (urlParse .) "userinfo" "" | urlJoin | sha256sum }}
{{- end }}
{{- with .own }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The kubelet asks for metrics: they are answered from before a role starts until its process ends. */}}
{{- define "gopfarm.probes" -}}
startupProbe:
  httpGet: {path: /metrics, port: metrics}
  periodSeconds: 2
  timeoutSeconds: 5
  failureThreshold: 60
readinessProbe:
  httpGet: {path: /metrics, port: metrics}
  periodSeconds: 10
  timeoutSeconds: 5
# Patient: on a node whose cores are all taken an answer may be late, and a restart costs what runs.
livenessProbe:
  httpGet: {path: /metrics, port: metrics}
  periodSeconds: 30
  timeoutSeconds: 10
  failureThreshold: 5
  # A process that has not answered for so long makes no use of a worker's grace.
  terminationGracePeriodSeconds: 30
{{- end -}}
