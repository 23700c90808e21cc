package fcm

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// kind is the type of a field as Google's parser sees it.
type kind int

const (
	text kind = iota
	boolean
	integer
	texts  // an object with strings as values
	free   // any object
	object // an object with known fields
)

type field struct {
	kind   kind
	fields map[string]field
}

// schema is the request of messages:send. Google takes names in snake_case and in lowerCamelCase.
func schema() field {
	android := named("collapse_key", "priority", "ttl", "restricted_package_name")
	android["direct_boot_ok"] = field{kind: boolean}
	android["data"] = field{kind: texts}
	android["notification"] = field{kind: object, fields: trayFields()}
	android["fcm_options"] = field{kind: free}

	message := named("name", "token", "topic", "condition", "fid")
	message["data"] = field{kind: texts}
	message["notification"] = field{kind: object, fields: named("title", "body", "image")}
	message["android"] = field{kind: object, fields: android}
	for _, name := range []string{"apns", "webpush", "fcm_options"} {
		message[name] = field{kind: free}
	}
	return field{kind: object, fields: map[string]field{
		"validate_only": {kind: boolean},
		"message":       {kind: object, fields: message},
	}}
}

func trayFields() map[string]field {
	n := named("title", "body", "icon", "color", "sound", "tag", "click_action", "body_loc_key", "title_loc_key",
		"channel_id", "image", "ticker", "event_time", "notification_priority", "visibility", "proxy")
	for _, name := range []string{"sticky", "local_only", "default_sound", "default_vibrate_timings", "default_light_settings"} {
		n[name] = field{kind: boolean}
	}
	for _, name := range []string{"body_loc_args", "title_loc_args", "vibrate_timings", "light_settings"} {
		n[name] = field{kind: free}
	}
	n["notification_count"] = field{kind: integer}
	return n
}

// named are fields with texts.
func named(names ...string) map[string]field {
	m := make(map[string]field, len(names))
	for _, name := range names {
		m[name] = field{kind: text}
	}
	return m
}

// parse reads a request strictly. The error is what Google's parser answers.
func parse(body []byte) (request, *failure) {
	var tree any
	if err := json.Unmarshal(body, &tree); err != nil {
		f := badRequest("Invalid JSON payload received. "+syntax(err), violation{Description: "Invalid JSON payload received. " + syntax(err)})
		return request{}, &f
	}
	c := &checker{}
	tree = c.check(tree, schema(), "")
	if len(c.violations) > 0 {
		var words []string
		for _, v := range c.violations {
			words = append(words, v.Description)
		}
		f := badRequest(strings.Join(words, "\n"), c.violations...)
		return request{}, &f
	}
	normalized, err := json.Marshal(tree)
	if err == nil {
		var r request
		if err = json.Unmarshal(normalized, &r); err == nil {
			return r, nil
		}
	}
	f := badRequest("Invalid JSON payload received.", violation{Description: err.Error()})
	return request{}, &f
}

func syntax(err error) string {
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("Unexpected token at offset %d.", e.Offset)
	}
	return "Unexpected end of string."
}

// checker collects everything that is wrong with a request.
type checker struct {
	violations []violation
}

func (c *checker) blame(path, format string, args ...any) {
	c.violations = append(c.violations, violation{Field: path, Description: fmt.Sprintf(format, args...)})
}

// check returns v with its names in snake_case.
func (c *checker) check(v any, f field, path string) any {
	switch f.kind {
	case object:
		return c.object(v, f, path)
	case texts:
		c.texts(v, path)
	case text:
		c.demand(is[string](v), path, "TYPE_STRING", v)
	case boolean:
		c.demand(is[bool](v), path, "TYPE_BOOL", v)
	case integer:
		n, ok := v.(float64)
		c.demand(ok && n == float64(int32(n)), path, "TYPE_INT32", v)
	case free:
		c.demand(is[map[string]any](v) || is[[]any](v), path, "MESSAGE", v)
	}
	return v
}

func is[T any](v any) bool {
	_, ok := v.(T)
	return ok
}

// demand blames the field if v is not of the wanted type.
func (c *checker) demand(fits bool, path, wanted string, v any) {
	if !fits {
		shown, _ := json.Marshal(v)
		c.blame(path, "Invalid value%s (%s), %s", at(path), wanted, shown)
	}
}

func (c *checker) object(v any, f field, path string) any {
	members, ok := v.(map[string]any)
	c.demand(ok, path, "MESSAGE", v)
	normalized := make(map[string]any, len(members))
	for _, name := range slices.Sorted(maps.Keys(members)) {
		known, ok := f.fields[snake(name)]
		if !ok {
			c.blame(path, "Invalid JSON payload received. Unknown name %q%s: Cannot find field.", name, at(path))
			continue
		}
		normalized[snake(name)] = c.check(members[name], known, join(path, snake(name)))
	}
	return normalized
}

func (c *checker) texts(v any, path string) {
	members, ok := v.(map[string]any)
	c.demand(ok, path, "MAP", v)
	for i, name := range slices.Sorted(maps.Keys(members)) {
		c.demand(is[string](members[name]), fmt.Sprintf("%s[%d].value", path, i), "TYPE_STRING", members[name])
	}
}

func at(path string) string {
	if path == "" {
		return ""
	}
	return " at '" + path + "'"
}

func join(path, name string) string { return strings.TrimPrefix(path+"."+name, ".") }

func snake(name string) string {
	var b strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
