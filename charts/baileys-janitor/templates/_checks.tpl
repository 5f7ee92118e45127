{{/* Refuses values with which the operator would not start, by files/checks.json. Each answer names the value and the way out. */}}
{{- define "janitor.checks" -}}
{{- $checks := .Files.Get "files/checks.json" | fromJson }}
{{- range $checks.aliases }}
{{- if include "janitor.has" (dict "in" $.Values "path" (splitList "." .path)) }}
{{- fail (printf "%s is not a value of this chart: did you mean %s?" .path .meant) }}
{{- end }}
{{- end }}
{{- range $checks.forms }}
{{- include "janitor.checkForm" (dict "in" $.Values "path" (splitList "." .path) "at" "" "check" . "noZones" $checks.noZones) }}
{{- end }}
{{- $config := .Values.config | default dict }}
{{- include "janitor.checkDefaults" (dict "own" ($config.defaults | default dict) "builtIn" $checks.defaults) }}
{{- include "janitor.checkBackups" (dict "in" (get ($config.defaults | default dict) "backup" | default dict) "drill" (dig "backup" "drill" dict $config)) }}
{{- $job := (get ($config.defaults | default dict) "job") | default dict }}
{{- include "janitor.checkResources" (dict "at" "config.defaults.job.resources" "in" ($job.resources | default dict)) }}
{{- include "janitor.checkResources" (dict "at" "resources" "in" (.Values.resources | default dict)) }}
{{- range $at, $monitor := dict "serviceMonitor" .Values.serviceMonitor "podMonitor" .Values.podMonitor }}
{{- if and $monitor.enabled $monitor.interval $monitor.scrapeTimeout }}
{{- if gt (include "janitor.seconds" $monitor.scrapeTimeout | int64) (include "janitor.seconds" $monitor.interval | int64) }}
{{- fail (printf "%s.scrapeTimeout (%s) is longer than %s.interval (%s), so Prometheus would scrape nothing: shorten the first or lengthen the second" $at $monitor.scrapeTimeout $at $monitor.interval) }}
{{- end }}
{{- end }}
{{- end }}
{{- $user := .Values.podSecurityContext | default dict }}
{{- if and $user.runAsNonRoot (hasKey $user "runAsUser") (not (kindIs "invalid" $user.runAsUser)) (eq (int64 $user.runAsUser) 0) }}
{{- fail "podSecurityContext.runAsUser is 0 while runAsNonRoot is true, so no pod would start: give a user id above 0" }}
{{- end }}
{{- include "janitor.checkElection" ($config.leaderElection | default dict) }}
{{- include "janitor.checkChannels" ($config.notifications | default dict) }}
{{- $metrics := $config.metrics | default dict }}
{{- $probes := $config.probes | default dict }}
{{- if and (ne (toString $metrics.enabled) "false") (eq (int64 ($metrics.port | default 9090)) (int64 ($probes.port | default 8080))) }}
{{- fail (printf "config.metrics.port and config.probes.port are both %d: choose another one for either" (int64 ($metrics.port | default 9090))) }}
{{- end }}
{{- end }}

{{/* Something when there is a value at a path. */}}
{{- define "janitor.has" -}}
{{- $here := .in }}
{{- $there := true }}
{{- range .path }}
{{- if not $there }}
{{- else if not (kindIs "map" $here) }}
{{- $there = false }}
{{- else if not (hasKey $here .) }}
{{- $there = false }}
{{- else }}
{{- $here = get $here . }}
{{- end }}
{{- end }}
{{- if $there }}yes{{ end }}
{{- end }}

{{/* Checks the form of what is at a path, where "*" stands for each item. */}}
{{- define "janitor.checkForm" -}}
{{- $all := . }}
{{- if kindIs "invalid" .in }}
{{- else if not .path }}
{{- $text := toString .in }}
{{- if and (kindIs "float64" .in) (eq (float64 (int64 .in)) .in) }}
{{- $text = toString (int64 .in) }}
{{- end }}
{{- include "janitor.checkText" (dict "isText" (kindIs "string" .in) "value" $text "at" .at "check" .check "noZones" .noZones) }}
{{- else if eq (first .path) "*" }}
{{- if kindIs "slice" .in }}
{{- range $i, $item := .in }}
{{- include "janitor.checkForm" (dict "in" $item "path" (rest $all.path) "at" (printf "%s[%d]" $all.at $i) "check" $all.check "noZones" $all.noZones) }}
{{- end }}
{{- else if kindIs "map" .in }}
{{- range $name, $item := .in }}
{{- include "janitor.checkForm" (dict "in" $item "path" (rest $all.path) "at" (printf "%s.%s" $all.at $name) "check" $all.check "noZones" $all.noZones) }}
{{- end }}
{{- end }}
{{- else if kindIs "map" .in }}
{{- if hasKey .in (first .path) }}
{{- include "janitor.checkForm" (dict "in" (get .in (first .path)) "path" (rest .path) "at" (printf "%s.%s" .at (first .path) | trimPrefix ".") "check" $all.check "noZones" $all.noZones) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "janitor.checkText" -}}
{{- $wrong := printf "%s is %q: %s" .at .value .check.words }}
{{- if hasPrefix "is no" .check.words }}
{{- $wrong = printf "%s is %q, which %s" .at .value .check.words }}
{{- end }}
{{- if .check.zone }}
{{/* dateInZone takes UTC for what it does not know; where there are no zones at all, nothing can be said. */}}
{{- $day := toDate "2006-01-02" "2024-01-01" }}
{{- $known := ne (dateInZone "MST" $day "America/Sao_Paulo") "UTC" }}
{{- $utc := regexMatch "^(Etc/)?(UTC|UCT|Universal|Zulu)$" .value }}
{{- if or (has (lower .value) .noZones) (not (regexMatch "^[A-Za-z][A-Za-z0-9_+/-]*$" .value)) (and $known (not $utc) (eq (dateInZone "MST" $day .value) "UTC")) }}
{{- fail $wrong }}
{{- end }}
{{- else if or (not (regexMatch .check.form .value)) (not (or .isText .check.number)) }}
{{- fail $wrong }}
{{- else if and (hasKey .check "never") (regexMatch (.check.never | default "^$") .value) }}
{{- fail (printf "%s is %q, which %s" .at .value .check.words) }}
{{- else if hasKey .check "bounds" }}
{{- $seconds := include "janitor.seconds" .value | int64 }}
{{- if or (not .value) (lt $seconds (int64 .check.least)) (gt $seconds (int64 .check.most)) }}
{{- fail (printf "%s is %q: %s" .at .value .check.bounds) }}
{{- end }}
{{- end }}
{{- end }}

{{/* The seconds of a duration. */}}
{{- define "janitor.seconds" -}}
{{- $text := . }}
{{- $sum := 0 }}
{{- range $unit, $factor := dict "d" 86400 "h" 3600 "m" 60 "s" 1 }}
{{- $number := regexFind (printf "[0-9]+%s" $unit) $text | trimSuffix $unit | trimPrefix "0" | trimPrefix "0" | trimPrefix "0" }}
{{- $sum = add $sum (mul ($number | default "0" | int64) $factor) }}
{{- end }}
{{- $sum }}
{{- end }}

{{/* What belongs together in config.defaults, over the built-in defaults. */}}
{{- define "janitor.checkDefaults" -}}
{{- $all := . }}
{{- $limits := list "warning" "critical" "trigger" "emergency" "danger" }}
{{- range $i, $high := rest $limits }}
{{- $low := index $limits $i }}
{{- $first := include "janitor.setting" (dict "all" $all "group" "thresholds" "name" $low) | fromJson }}
{{- $second := include "janitor.setting" (dict "all" $all "group" "thresholds" "name" $high) | fromJson }}
{{- if gt (int64 $first.value) (int64 $second.value) }}
{{- fail (printf "%s is above %s: thresholds must ascend, so lower the first or raise the second" $first.shown $second.shown) }}
{{- end }}
{{- end }}
{{- range $name := list "sessionMaxAge" "senderKeyMaxAge" "preKeys" }}
{{- $first := include "janitor.setting" (dict "all" $all "group" "emergencyRetention" "name" $name) | fromJson }}
{{- $second := include "janitor.setting" (dict "all" $all "group" "retention" "name" $name) | fromJson }}
{{- $less := gt (int64 $first.value) (int64 $second.value) }}
{{- if ne $name "preKeys" }}
{{- $less = gt (include "janitor.seconds" $first.value | int64) (include "janitor.seconds" $second.value | int64) }}
{{- end }}
{{- if $less }}
{{- fail (printf "%s is more than %s: an emergency must not keep more, so lower the first or raise the second" $first.shown $second.shown) }}
{{- end }}
{{- end }}
{{- end }}

{{/* One setting as JSON: its value as text, and how it is shown. */}}
{{- define "janitor.setting" -}}
{{- $at := printf "config.defaults.%s.%s" .group .name }}
{{- $group := get .all.own .group | default dict }}
{{- $own := get $group .name }}
{{- if or (not (hasKey $group .name)) (kindIs "invalid" $own) }}
{{- $value := get (get .all.builtIn .group) .name }}
{{- dict "value" (toString $value) "shown" (printf "%s (%v, the built-in default)" $at $value) | toJson }}
{{- else }}
{{- dict "value" (toString $own) "shown" (printf "%s (%v)" $at $own) | toJson }}
{{- end }}
{{- end }}

{{/* What belongs together in config.defaults.backup, and in config.backup.drill. */}}
{{- define "janitor.checkBackups" -}}
{{- $at := "config.defaults.backup" }}
{{- $open := eq (toString .in.encryption) "None" }}
{{- $names := list }}
{{- $places := list }}
{{- range $i, $each := .in.repositories }}
{{- $place := printf "%s %s" (trimSuffix "/" $each.url) ($each.endpoint | default "" | trimSuffix "/") }}
{{- if has $each.name $names }}
{{- fail (printf "%s.repositories has two repositories named %s: give each a name of its own" $at $each.name) }}
{{- end }}
{{- if has $place $places }}
{{- fail (printf "%s.repositories[%d].url is %q, which another repository has too: give each one of its own" $at $i $each.url) }}
{{- end }}
{{- $names = append $names $each.name }}
{{- $places = append $places $place }}
{{- end }}
{{- $in := .in }}
{{- range $name := list "recipients" "schedule" }}
{{- $value := get $in $name }}
{{- if and $value (ne (toString $value) "Never") (not $names) }}
{{- fail (printf "%s.%s needs somewhere to put archives: add %s.repositories" $at $name $at) }}
{{- end }}
{{- end }}
{{- if and $open .in.recipients }}
{{- fail (printf "%s.encryption is None and there are recipients: leave one of them out" $at) }}
{{- end }}
{{- if and $names (not $open) (not .in.recipients) }}
{{- fail (printf "%s.recipients is empty, so nobody could decrypt an archive: add the line age1... that `baileys-janitor backup keygen` prints, or write encryption: None for archives that everybody can read" $at) }}
{{- end }}
{{- $kept := .in.retention | default dict }}
{{- $byBucket := eq (toString $kept.by) "Bucket" }}
{{- if and $byBucket (kindIs "invalid" $kept.bucketDays) }}
{{- fail (printf "%s.retention.by is Bucket, which needs the days after which the store removes an archive: add bucketDays" $at) }}
{{- end }}
{{- if and (not $byBucket) (not (kindIs "invalid" $kept.bucketDays)) }}
{{- fail (printf "%s.retention.bucketDays counts only with by: Bucket: add that, or remove it" $at) }}
{{- end }}
{{- $archives := 0 }}
{{- range $name, $number := dict "hourly" 24 "daily" 30 "monthly" 12 }}
{{- $isSet := and (hasKey $kept $name) (not (kindIs "invalid" (get $kept $name))) }}
{{- $archives = add $archives (ternary (get $kept $name) $number $isSet | int64) }}
{{- end }}
{{- if eq (int64 $archives) 0 }}
{{- fail (printf "%s.retention: hourly, daily and monthly are all 0, so no archive would stay: raise one of them" $at) }}
{{- end }}
{{- range $name, $secret := .drill.readSecretNames }}
{{- if not (has $name $names) }}
{{- fail (printf "config.backup.drill.readSecretNames names the repository %s, which %s.repositories does not have: correct one of the two" $name $at) }}
{{- end }}
{{- end }}
{{- end }}

{{/* Requests above limits: no pod could start. */}}
{{- define "janitor.checkResources" -}}
{{- $all := . }}
{{- $limits := .in.limits | default dict }}
{{- range $name, $request := .in.requests | default dict }}
{{- $limit := get $limits $name }}
{{- if not (or (kindIs "invalid" $request) (kindIs "invalid" $limit) (eq (toString $limit) "")) }}
{{- if gt (include "janitor.amount" $request | float64) (include "janitor.amount" $limit | float64) }}
{{- fail (printf "%s.requests.%s (%v) is more than %s.limits.%s (%v): no pod could start, so lower the first or raise the second" $all.at $name $request $all.at $name $limit) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* A quantity as a number. */}}
{{- define "janitor.amount" -}}
{{- $text := toString . }}
{{- $unit := regexFind "(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)$" $text }}
{{- $factors := dict "" 1.0 "m" 0.001 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 "Pi" 1125899906842624.0 }}
{{- mulf (float64 (trimSuffix $unit $text)) (get $factors $unit) }}
{{- end }}

{{- define "janitor.checkElection" -}}
{{- $duration := .duration | default "15s" }}
{{- $renew := .renewInterval | default "3s" }}
{{- if gt (mul 3 (include "janitor.seconds" $renew | int64)) (include "janitor.seconds" $duration | int64) }}
{{- fail (printf "config.leaderElection.renewInterval (%s) renews less than three times within config.leaderElection.duration (%s): lower the first or raise the second" $renew $duration) }}
{{- end }}
{{- end }}

{{- define "janitor.checkChannels" -}}
{{- $names := list }}
{{- range .channels }}
{{- $found := pick . "webhook" "telegram" "sentry" "apprise" }}
{{- if ne (len $found) 1 }}
{{- fail (printf "config.notifications.channels: channel %s needs exactly one of webhook, telegram, sentry and apprise" .name) }}
{{- end }}
{{- if has .name $names }}
{{- fail (printf "config.notifications.channels has two channels named %s: rename one" .name) }}
{{- end }}
{{- $names = append $names .name }}
{{- end }}
{{- $routes := list }}
{{- range .routes }}
{{- if has .name $routes }}
{{- fail (printf "config.notifications.routes has two routes named %s: rename one" .name) }}
{{- end }}
{{- $routes = append $routes .name }}
{{- $route := .name }}
{{- range .channels }}
{{- if not (has . $names) }}
{{- fail (printf "config.notifications.routes: route %s sends to %s, which is not among config.notifications.channels: add it there or correct the name" $route .) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
