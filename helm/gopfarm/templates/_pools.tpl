{{/* Worker pools: their values, and what follows from them. */}}

{{/* The YAML of one table laid over another: tables are merged, all else is replaced. Takes below and above. */}}
{{- define "gopfarm.overlay" -}}
{{- $merged := deepCopy .below -}}
{{- range $key, $value := .above -}}
{{- if and (kindIs "map" $value) (kindIs "map" (get $merged $key)) -}}
{{- $_ := set $merged $key (include "gopfarm.overlay" (dict "below" (get $merged $key) "above" $value) | fromYaml) -}}
{{- else -}}
{{- $_ := set $merged $key $value -}}
{{- end -}}
{{- end -}}
{{- toYaml $merged -}}
{{- end -}}

{{/* By provider: how spot nodes are found, and the grace (s) for which their warning has time. AWS gives 120 s;
     Azure 30 s; GKE's kubelet leaves 15 s to pods. */}}
{{- define "gopfarm.spot" -}}
none: {grace: 540}
custom: {grace: 80}
eks:
  grace: 80
  nodeSelector: {eks.amazonaws.com/capacityType: SPOT}
karpenter:
  grace: 80
  nodeSelector: {karpenter.sh/capacity-type: spot}
gke:
  grace: 10
  nodeSelector: {cloud.google.com/gke-spot: "true"}
  tolerations: [{key: cloud.google.com/gke-spot, operator: Equal, value: "true", effect: NoSchedule}]
aks:
  grace: 20
  nodeSelector: {kubernetes.azure.com/scalesetpriority: spot}
  tolerations: [{key: kubernetes.azure.com/scalesetpriority, operator: Equal, value: spot, effect: NoSchedule}]
{{- end -}}

{{/* Whether a pool of GPUs may have no pods. Takes the pool. */}}
{{- define "gopfarm.fromZero" -}}
{{- if and (eq .queue "encode.nvenc") .autoscaling.enabled (lt (int .autoscaling.min) 1) }}true{{ end -}}
{{- end -}}

{{/* The pools that are enabled, by name, with all their values. */}}
{{- define "gopfarm.pools" -}}
{{- $pools := dict -}}
{{- range $name, $own := .Values.workers.pools -}}
{{- $pool := include "gopfarm.overlay" (dict "below" $.Values.workers.defaults "above" ($own | default dict)) | fromYaml -}}
{{- if $pool.enabled -}}
{{- $spot := get (include "gopfarm.spot" $ | fromYaml) $pool.spot -}}
{{- $_ := set $pool "nodeSelector" (merge (dict) $pool.nodeSelector ($spot.nodeSelector | default dict)) -}}
{{- $_ := set $pool "tolerations" (concat $pool.tolerations ($spot.tolerations | default list)) -}}
{{- if not (kindIs "float64" (get $pool "graceSeconds")) -}}
{{- $_ := set $pool "graceSeconds" $spot.grace -}}
{{- end -}}
{{- if and (include "gopfarm.fromZero" $pool) (ne (include "gopfarm.engine" $) "none") -}}
{{- if not (and (eq (include "gopfarm.engine" $) "keda") $.Values.autoscaling.prometheus $.Values.autoscaling.prometheus.serverAddress) -}}
{{- fail (printf "workers.pools.%s.autoscaling.min must be at least 1: only KEDA with autoscaling.prometheus.serverAddress sees that there is work for GPUs while no worker has one" $name) -}}
{{- end -}}
{{- end -}}
{{- if eq $pool.queue "encode.nvenc" -}}
{{- if gt (int $pool.slots) 64 -}}
{{- fail (printf "workers.pools.%s.slots: a worker takes 64 slots for GPUs at most" $name) -}}
{{- end -}}
{{- if lt (int $pool.gpu.count) 1 -}}
{{- fail (printf "workers.pools.%s.gpu.count must be at least 1: without a device there is nothing to encode with" $name) -}}
{{- end -}}
{{- end -}}
{{- if and $pool.scratch.medium $pool.scratch.storageClassName -}}
{{- fail (printf "workers.pools.%s.scratch: give medium or storageClassName, not both" $name) -}}
{{- end -}}
{{- if gt (int $pool.autoscaling.min) (int $pool.autoscaling.max) -}}
{{- fail (printf "workers.pools.%s.autoscaling: min is greater than max" $name) -}}
{{- end -}}
{{- $_ := set $pools $name $pool -}}
{{- end -}}
{{- end -}}
{{- toYaml $pools -}}
{{- end -}}

{{/* What scales the pools: keda, hpa or none. */}}
{{- define "gopfarm.engine" -}}
{{- if ne .Values.autoscaling.engine "auto" -}}
{{ .Values.autoscaling.engine }}
{{- else -}}
{{ .Capabilities.APIVersions.Has "keda.sh/v1alpha1" | ternary "keda" "hpa" }}
{{- end -}}
{{- end -}}

{{/* The resources of a pool's container. Takes root and pool. */}}
{{- define "gopfarm.poolResources" -}}
{{- $pool := .pool -}}
{{- $slots := int $pool.slots -}}
{{- $scratch := eq $pool.scratch.medium "Memory" | ternary (mul $slots (int $pool.scratch.perSlotMiB)) 0 | int -}}
{{- $base := add (int $pool.memoryBaseMiB) $scratch -}}
{{- $most := max (int .root.Values.settings.child_memory_mb | default 4096) (int $pool.memoryPerSlotMiB) -}}
{{- $requests := dict
  "cpu" (printf "%dm" (mulf $slots $pool.cpuPerSlot 1000 | ceil | int))
  "memory" (printf "%dMi" (add $base (mul $slots (int $pool.memoryPerSlotMiB))))
-}}
{{- $limits := dict
  "memory" (printf "%dMi" (add $base (mul (sub $slots 1) (int $pool.memoryPerSlotMiB)) $most))
-}}
{{- if not (or $scratch $pool.scratch.storageClassName) -}}
{{- $_ := set $requests "ephemeral-storage" (printf "%dMi" (mul $slots (int $pool.scratch.perSlotMiB))) -}}
{{- end -}}
{{- if gt (int $pool.gpu.count) 0 -}}
{{- $_ := set $limits $pool.gpu.resource (int $pool.gpu.count | toString) -}}
{{- end -}}
{{- include "gopfarm.overlay" (dict "below" (dict "requests" $requests "limits" $limits) "above" $pool.resources) -}}
{{- end -}}
