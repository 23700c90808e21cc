package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// schema is the schema of a field.
type schema = apiextensionsv1.JSONSchemaProps

// compare lists what a CRD takes away.
func compare(before, after *apiextensionsv1.CustomResourceDefinition) []string {
	var broken []string
	kind := before.Spec.Names.Kind
	if after.Spec.Group != before.Spec.Group || after.Spec.Scope != before.Spec.Scope ||
		after.Spec.Names.Kind != kind || after.Spec.Names.Plural != before.Spec.Names.Plural {
		broken = append(broken, kind+": group, scope, kind or plural changed")
	}
	for _, version := range before.Spec.Versions {
		i := slices.IndexFunc(after.Spec.Versions, func(v apiextensionsv1.CustomResourceDefinitionVersion) bool {
			return v.Name == version.Name && (v.Served || !version.Served)
		})
		if i < 0 {
			broken = append(broken, fmt.Sprintf("%s: version %s is gone", kind, version.Name))
			continue
		}
		broken = append(broken, fields(kind, version.Schema.OpenAPIV3Schema, after.Spec.Versions[i].Schema.OpenAPIV3Schema)...)
	}
	return broken
}

// fields lists what a schema takes away, field by field.
func fields(path string, before, after *schema) []string {
	broken := itself(path, before, after)
	for _, name := range slices.Sorted(maps.Keys(before.Properties)) {
		was, child := before.Properties[name], path+"."+name
		is, ok := after.Properties[name]
		if !ok {
			broken = append(broken, child+": the field is gone")
			continue
		}
		broken = append(broken, fields(child, &was, &is)...)
	}
	if before.Items != nil && before.Items.Schema != nil && after.Items != nil && after.Items.Schema != nil {
		broken = append(broken, fields(path+"[]", before.Items.Schema, after.Items.Schema)...)
	}
	if was, is := before.AdditionalProperties, after.AdditionalProperties; was != nil && was.Schema != nil && is != nil && is.Schema != nil {
		broken = append(broken, fields(path+"{}", was.Schema, is.Schema)...)
	}
	return broken
}

// itself lists what a schema takes away beside its parts.
func itself(path string, before, after *schema) []string {
	var broken []string
	must := func(holds bool, what string) {
		if !holds {
			broken = append(broken, path+": "+what)
		}
	}
	must(before.Type == after.Type && before.Format == after.Format, "another type")
	must(before.Pattern == after.Pattern || after.Pattern == "", "another pattern")
	for _, name := range after.Required {
		must(slices.Contains(before.Required, name), name+" is required anew")
	}
	for _, value := range before.Enum {
		must(len(after.Enum) == 0 || slices.ContainsFunc(after.Enum, func(v apiextensionsv1.JSON) bool {
			return string(v.Raw) == string(value.Raw)
		}), "the value "+string(value.Raw)+" is gone")
	}
	must(len(before.Enum) > 0 || len(after.Enum) == 0, "only some values are left")
	must(slices.Equal(before.XListMapKeys, after.XListMapKeys), "other keys of the list")
	must(text(before.Default) == text(after.Default) || before.Default == nil, "another default")
	return append(broken, bounds(path, before, after)...)
}

// bounds lists the bounds that are tighter than before.
func bounds(path string, before, after *schema) []string {
	var broken []string
	if !upper(before.Maximum, after.Maximum) || !upper(before.MaxLength, after.MaxLength) ||
		!upper(before.MaxItems, after.MaxItems) || !upper(before.MaxProperties, after.MaxProperties) {
		broken = append(broken, path+": a lower upper bound")
	}
	if !lower(before.Minimum, after.Minimum) || !lower(before.MinLength, after.MinLength) ||
		!lower(before.MinItems, after.MinItems) || !lower(before.MinProperties, after.MinProperties) {
		broken = append(broken, path+": a higher lower bound")
	}
	return broken
}

// upper reports whether an upper bound is not lower than before.
func upper[T cmp.Ordered](before, after *T) bool {
	return after == nil || (before != nil && *after >= *before)
}

// lower reports whether a lower bound is not higher than before.
func lower[T cmp.Ordered](before, after *T) bool {
	return after == nil || (before != nil && *after <= *before)
}

func text(value *apiextensionsv1.JSON) string {
	if value == nil {
		return ""
	}
	return string(value.Raw)
}
