{{- /* The three config maps' data by name: the literals of base, with the values over them. */ -}}
{{- define "atelier.config" -}}
{{- $maps := dict }}
{{- range (.Files.Get "base/kustomization.yaml" | fromYaml).configMapGenerator }}
{{- $data := dict }}
{{- range .literals }}
{{- $pair := splitn "=" 2 . }}
{{- $_ := set $data $pair._0 $pair._1 }}
{{- end }}
{{- $_ := set $maps .name $data }}
{{- end }}
{{- $v := .Values }}
{{- $ns := .Release.Namespace }}
{{- $shared := dict "ATELIER_TEMPORAL_TARGET" $v.temporal.target "ATELIER_TEMPORAL_NAMESPACE" $v.temporal.namespace
    "ATELIER_S3_ENDPOINT" $v.store.endpoint "ATELIER_S3_BUCKET" $v.store.bucket }}
{{- with $v.store.region }}{{ $_ := set $shared "ATELIER_S3_REGION" . }}{{ end }}
{{- with $v.temporal.serverName }}{{ $_ := set $shared "ATELIER_TEMPORAL_SERVER_NAME" . }}{{ end }}
{{- if eq $v.temporal.auth "mtls" }}
{{- $_ := set $shared "ATELIER_TEMPORAL_CA_FILE" "/etc/atelier/temporal/ca.crt" }}
{{- $_ := set $shared "ATELIER_TEMPORAL_CERTIFICATE_FILE" "/etc/atelier/temporal/tls.crt" }}
{{- $_ := set $shared "ATELIER_TEMPORAL_KEY_FILE" "/etc/atelier/temporal/tls.key" }}
{{- else if eq $v.temporal.auth "api-key" }}
{{- $_ := set $shared "ATELIER_TEMPORAL_TLS" "true" }}
{{- end }}
{{- $api := dict "QUARKUS_DATASOURCE_JDBC_URL" $v.database.url "ATELIER_AUTH_MODE" $v.auth.mode
    "ATELIER_HTTP_HOSTS" (printf "api,api.%s,api.%s.svc,api.%s.svc.cluster.local,%s" $ns $ns $ns $v.host) }}
{{- with $v.auth.oidc.issuer }}{{ $_ := set $api "ATELIER_AUTH_OIDC_ISSUER" . }}{{ end }}
{{- with $v.auth.oidc.audience }}{{ $_ := set $api "ATELIER_AUTH_OIDC_AUDIENCE" . }}{{ end }}
{{- with $v.temporal.ui }}{{ $_ := set $api "ATELIER_TEMPORAL_UI" . }}{{ end }}
{{- $worker := dict "ATELIER_DATABASE_URL" $v.database.url }}
{{- $_ := mergeOverwrite (get $maps "atelier") $shared $v.config.shared }}
{{- $_ := mergeOverwrite (get $maps "atelier-api") $api $v.config.api }}
{{- $_ := mergeOverwrite (get $maps "atelier-worker") $worker $v.config.worker }}
{{- toYaml $maps }}
{{- end }}

{{- /* Ten letters that change with the object, as Kustomize makes them of a config map without its name: pods roll out when their settings change. */ -}}
{{- define "atelier.hash" -}}
{{- toJson . | sha256sum | trunc 10 | replace "0" "g" | replace "1" "h" | replace "3" "k" | replace "a" "m" | replace "e" "t" }}
{{- end }}

{{- /* The files that objects are read from. */ -}}
{{- define "atelier.files" -}}
{{- $v := .Values }}
{{- range (.Files.Get "base/kustomization.yaml" | fromYaml).resources }}
{{- if not (or (eq . "namespace.yaml") (and (eq . "network-policies.yaml") (not $v.networkPolicies.enabled))) }}
- base/{{ . }}
{{- end }}
{{- end }}
{{- if (get $v.parts "worker-cpu").enabled }}
- components/worker-cpu/worker-cpu.yaml
{{- end }}
{{- if (get $v.parts "worker-gpu").enabled }}
- components/worker-gpu/worker-gpu.yaml
{{- end }}
{{- if (get $v.parts "worker-gpu-elastic").enabled }}
- components/worker-gpu-elastic/scaled-job.yaml
{{- if ne $v.temporal.auth "none" }}
- components/temporal-{{ $v.temporal.auth }}/keda/trigger-authentication.yaml
{{- end }}
{{- end }}
{{- if eq $v.expose "gateway" }}
- components/gateway/http-route.yaml
{{- end }}
{{- end }}

{{- /* What the schema of the values cannot say. */ -}}
{{- define "atelier.check" -}}
{{- $v := .Values }}
{{- if and (eq $v.auth.mode "oidc") (not $v.auth.oidc.issuer) }}
{{- fail "auth.oidc.issuer is empty: auth.mode 'oidc' needs the base URL of the provider." }}
{{- end }}
{{- if and (get $v.parts "worker-gpu-elastic").enabled (eq $v.temporal.auth "none") }}
{{- range $name := list "ATELIER_TEMPORAL_TLS" "ATELIER_TEMPORAL_CA_FILE" }}
{{- if hasKey $v.config.shared $name }}
{{- fail (printf "config.shared.%s asks Temporal over TLS, which KEDA does with a certificate or an API key alone: set temporal.auth to 'mtls' or 'api-key', or parts.worker-gpu-elastic.enabled to false." $name) }}
{{- end }}
{{- end }}
{{- end }}
{{- range $group, $settings := $v.config }}
{{- range $name, $_ := $settings }}
{{- if regexMatch "(PASSWORD|ACCESS_KEY|SECRET_KEY|API_KEY|BOOTSTRAP_TOKEN)$" $name }}
{{- fail (printf "config.%s.%s is a secret: it belongs into the secret '%s', not among the values." $group $name $v.secret) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
