{{- define "janitor.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The release's name, with the chart's behind it unless it is in there. */}}
{{- define "janitor.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "janitor.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "janitor.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* Names of cluster-wide objects: two installations never take each other's. */}}
{{- define "janitor.clusterName" -}}
{{- printf "%s.%s" (include "janitor.fullname" .) .Release.Namespace }}
{{- end }}

{{- define "janitor.selector" -}}
app.kubernetes.io/name: {{ include "janitor.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "janitor.labels" -}}
{{ include "janitor.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: baileys-janitor
helm.sh/chart: {{ printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "janitor.image" -}}
{{- $tag := .Values.image.tag | default .Chart.AppVersion -}}
{{- $repository := .Values.image.repository -}}
{{- $global := .Values.global | default dict -}}
{{- if $global.imageRegistry -}}
{{- $parts := splitList "/" $repository -}}
{{- if and (gt (len $parts) 1) (regexMatch "[.:]|^localhost$" (first $parts)) -}}
{{- $repository = rest $parts | join "/" -}}
{{- end -}}
{{- $repository = printf "%s/%s" (trimSuffix "/" $global.imageRegistry) $repository -}}
{{- end -}}
{{- if .Values.image.digest -}}
{{ printf "%s:%s@%s" $repository $tag .Values.image.digest }}
{{- else -}}
{{ printf "%s:%s" $repository $tag }}
{{- end }}
{{- end }}

{{/* The names of the pull secrets, those of a parent chart included, as a list in JSON. */}}
{{- define "janitor.pullSecrets" -}}
{{- $names := .Values.image.pullSecrets | default list }}
{{- range (.Values.global | default dict).imagePullSecrets }}
{{- $names = append $names (ternary . (get (ternary (dict) . (kindIs "string" .)) "name") (kindIs "string" .)) }}
{{- end }}
{{- $names | uniq | toJson }}
{{- end }}

{{- define "janitor.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- .Values.serviceAccount.name | default (include "janitor.fullname" .) }}
{{- else }}
{{- .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{/* The operator's configuration file: `config`, and what the chart knows and the configuration leaves unset. */}}
{{- define "janitor.configuration" -}}
{{- $config := deepCopy (.Values.config | default dict) }}
{{- $job := deepCopy ($config.job | default dict) }}
{{- if and .Values.jobPriorityClass.create (not (hasKey $job "priorityClassName")) }}
{{- $_ := set $job "priorityClassName" (include "janitor.clusterName" .) }}
{{- end }}
{{- if and .Values.image.pullPolicy (not (hasKey $job "imagePullPolicy")) }}
{{- $_ := set $job "imagePullPolicy" .Values.image.pullPolicy }}
{{- end }}
{{- $secrets := include "janitor.pullSecrets" . | fromJsonArray }}
{{- if and $secrets (not (hasKey $job "imagePullSecrets")) }}
{{- $_ := set $job "imagePullSecrets" $secrets }}
{{- end }}
{{- if $job }}
{{- $_ := set $config "job" $job }}
{{- end }}
{{- $_ := set $config "leaderElection" (mustMerge (dict "name" (include "janitor.lease" .)) ($config.leaderElection | default dict)) }}
{{- if include "janitor.notifies" . }}
{{- $told := $config.notifications | default dict }}
{{- if not (hasKey $told "runbookBaseUrl") }}
{{- $_ := set $config "notifications" (set $told "runbookBaseUrl" .Values.prometheusRule.runbookBaseUrl) }}
{{- end }}
{{- end }}
{{- if .Values.watchNamespaces }}
{{- $_ := set $config "watchNamespaces" .Values.watchNamespaces }}
{{- end }}
{{- toYaml $config }}
{{- end }}

{{- define "janitor.lease" -}}
{{- dig "leaderElection" "name" (include "janitor.fullname" .) (.Values.config | default dict) }}
{{- end }}

{{/* The names of the Leases, as a list: that of the layout, and one for each shard that there can be. */}}
{{- define "janitor.leases" -}}
{{- $lease := include "janitor.lease" . }}
{{- $names := list $lease }}
{{- if gt (int (dig "shards" 1 .Values.config)) 1 }}
{{- range $shard := until 16 }}
{{- $names = append $names (printf "%s-%d" $lease $shard) }}
{{- end }}
{{- end }}
{{- printf "[%s]" (join ", " $names) }}
{{- end }}

{{/* Something when anybody is notified: by a channel, or by the default that the environment names. */}}
{{- define "janitor.notifies" -}}
{{- range .Values.env }}
{{- if eq (.name | default "") "NOTIFICATION_WEBHOOK" }}yes{{ end }}
{{- end }}
{{- if dig "notifications" "channels" false (.Values.config | default dict) }}yes{{ end }}
{{- end }}

{{/* The port for probes. */}}
{{- define "janitor.port" -}}
{{- dig "probes" "port" 8080 (.Values.config | default dict) | int }}
{{- end }}

{{/* The port for metrics; empty where none are served to other pods. */}}
{{- define "janitor.metricsPort" -}}
{{- $address := dig "metrics" "address" "" (.Values.config | default dict) }}
{{- if and (dig "metrics" "enabled" true (.Values.config | default dict)) (not (or (hasPrefix "127." $address) (has $address (list "::1" "localhost")))) }}
{{- dig "metrics" "port" 9090 (.Values.config | default dict) | int }}
{{- end }}
{{- end }}

{{/* Refuses values with which Prometheus would read nothing, or everything twice. */}}
{{- define "janitor.scraped" -}}
{{- if not (include "janitor.metricsPort" .) }}
{{- fail "config.metrics.enabled is false, or config.metrics.address is the pod's own: serviceMonitor and podMonitor have nothing to scrape" }}
{{- end }}
{{- if and .Values.serviceMonitor.enabled .Values.podMonitor.enabled }}
{{- fail "serviceMonitor.enabled and podMonitor.enabled would have every pod scraped twice: choose one" }}
{{- end }}
{{- end }}

{{/* How a pod is scraped. The namespace of a tenant's series is the tenant's: it must not be replaced by the pod's. */}}
{{- define "janitor.endpoint" -}}
port: metrics
path: /metrics
honorLabels: true
{{- with .interval }}
interval: {{ . }}
{{- end }}
{{- with .scrapeTimeout }}
scrapeTimeout: {{ . }}
{{- end }}
{{- end }}

{{/* Something where admission policies are wanted and the cluster has them: since Kubernetes 1.30. */}}
{{- define "janitor.admission" -}}
{{- if and .Values.admissionPolicy.enabled (.Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy") }}yes{{ end }}
{{- end }}

{{/* The images that Jobs may have, as a list in CEL. */}}
{{- define "janitor.jobImages" -}}
{{- $own := dig "job" "image" "" .Values.config | default (include "janitor.image" .) }}
{{- concat (list $own) .Values.admissionPolicy.images | uniq | toJson | replace "\"" "'" }}
{{- end }}

{{- define "janitor.jobPullSecrets" -}}
{{- $job := .Values.config.job | default dict }}
{{- toJson (ternary $job.imagePullSecrets (include "janitor.pullSecrets" . | fromJsonArray) (hasKey $job "imagePullSecrets")) }}
{{- end }}

{{/* Where notifications.caBundle lies, as a volume's source; empty when none is named. */}}
{{- define "janitor.caBundle" -}}
{{- with .Values.notifications.caBundle }}
{{- if and .configMap .secret }}
{{- fail "notifications.caBundle names a configMap and a secret: leave one of them out" }}
{{- else if .configMap -}}
configMap:
  name: {{ .configMap }}
  # A janitor that cannot tell still cleans; its log says which CA is missing.
  optional: true
{{- else if .secret -}}
secret:
  secretName: {{ .secret }}
  optional: true
{{- end }}
{{- end }}
{{- end }}
