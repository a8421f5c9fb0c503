{{/* Rules of one farm. */}}

{{/* An expression of rules/*.yaml for the release's namespace alone: each selector gets a matcher. Other farms have rules of
     their own, and a farm of which nothing is left is missed beside them. Takes root and expr. */}}
{{- define "gopfarm.ownExpr" -}}
{{- $own := printf `namespace="%s"` .root.Release.Namespace -}}
{{- $selected := regexReplaceAll `\b(namespace\w*:\w+:\w+|gopfarm_\w+|up)\b` .expr (printf `${1}{%s}` $own) -}}
{{- $selected | replace (printf `{%s}{` $own) (printf `{%s, ` $own) -}}
{{- end -}}
