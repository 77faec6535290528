{{- define "linnet.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- /* The release's name, with the chart's in it: `linnet` for a release of that name. */}}
{{- define "linnet.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "linnet.name" . -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "linnet.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "linnet.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{- define "linnet.selectorLabels" -}}
app.kubernetes.io/name: {{ include "linnet.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "linnet.labels" -}}
{{ include "linnet.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "linnet.subjects" -}}
- kind: ServiceAccount
  name: {{ include "linnet.serviceAccount" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}

{{- /* The file is a copy of that of the kustomize base, which `make crds` renews. */}}
{{- define "linnet.rules" -}}
{{ (.Files.Get "files/role.yaml" | fromYaml).rules | toYaml }}
{{- end }}
