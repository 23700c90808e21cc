// Package apicheck tests that hack/api.sh lets no change pass that breaks
// programs, whatever else oasdiff thinks of it.
package apicheck

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// document is a small API; each case changes one thing of it.
const document = `openapi: 3.1.0
info: {title: t, version: 1.0.0}
components:
  securitySchemes:
    key: {type: http, scheme: bearer}
  schemas:
    Problem:
      type: object
      required: [code]
      properties:
        code: {type: string, enum: [not_found, internal]}
        requestID: {type: string}
paths:
  /v1/things:
    post:
      operationId: make-thing
      security: [{key: []}]
      requestBody:
        content:
          application/json:
            schema:
              type: object
              required: [name]
              additionalProperties: false
              properties:
                name: {type: string, maxLength: 64}
                color: {type: string, enum: [red, blue]}
                size: {type: integer}
      responses:
        "200":
          description: OK
          content:
            application/json:
              schema:
                type: object
                required: [id]
                properties:
                  id: {type: string}
                  state: {type: string, enum: [Open, Done]}
                  note: {type: string}
        "404":
          description: Not Found
          content:
            application/problem+json: {schema: {$ref: "#/components/schemas/Problem"}}
    get:
      operationId: list-things
      security: [{key: []}]
      parameters:
        - {name: limit, in: query, schema: {type: integer, maximum: 200}}
      responses:
        "200": {description: OK}
`

// check runs hack/api.sh over a released document and the one of now.
func check(t *testing.T, now string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "released"), 0o755); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{"released/api.yaml": document, "api.yaml": now} {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join("..", "..", "api.sh"), "check")
	cmd.Env = append(os.Environ(), "OFFLINEPUSH_API="+dir)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func change(t *testing.T, old, to string) string {
	t.Helper()
	if strings.Count(document, old) != 1 {
		t.Fatalf("%q is in the document %d times", old, strings.Count(document, old))
	}
	return strings.Replace(document, old, to, 1)
}

func TestBreakingChanges(t *testing.T) {
	t.Parallel()
	get := document[strings.Index(document, "    get:"):]
	for name, tt := range map[string]struct{ old, new, says string }{
		"an operation gone":               {get, "", "api-removed"},
		"a path renamed":                  {"/v1/things", "/v1/items", "api-path-removed"},
		"a field of a request gone":       {"                size: {type: integer}\n", "", "request-property-removed"},
		"an enum value of a request gone": {"enum: [red, blue]", "enum: [red]", "request-property-enum-value-removed"},
		"a field required anew":           {"required: [name]", "required: [name, size]", "became-required"},
		"a field shorter":                 {"maxLength: 64", "maxLength: 32", "max-length"},
		"a field of another type":         {"size: {type: integer}", "size: {type: string}", "type-changed"},
		"a parameter gone":                {"        - {name: limit, in: query, schema: {type: integer, maximum: 200}}\n", "        []\n", "request-parameter-removed"},
		"a smaller maximum":               {"maximum: 200", "maximum: 100", "max"},
		"a needed field of an answer gone": {
			"required: [id]\n                properties:\n                  id: {type: string}\n", "properties:\n", "response-required-property-removed",
		},
		"a field of an answer gone":       {"                  note: {type: string}\n", "", "response-optional-property-removed"},
		"an enum value of an answer gone": {"enum: [Open, Done]", "enum: [Open]", "response-property-enum-value-removed"},
		"a code of errors gone":           {"enum: [not_found, internal]", "enum: [internal]", "response-property-enum-value-removed"},
		"a field of errors gone":          {"        requestID: {type: string}\n", "", "response-optional-property-removed"},
		"an answer's field optional now":  {"required: [id]\n", "required: []\n", "response-property-became-optional"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := check(t, change(t, tt.old, tt.new))
			if err == nil || !strings.Contains(out, tt.says) || !strings.Contains(out, "make api-release") {
				t.Errorf("%v, want %s:\n%s", err, tt.says, out)
			}
		})
	}
}

func TestChangesThatBreakNothing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ old, new string }{
		"nothing":                     {document, document},
		"a field of a request more":   {"size: {type: integer}", "size: {type: integer}\n                weight: {type: integer}"},
		"a field of an answer more":   {"note: {type: string}", "note: {type: string}\n                  more: {type: string}"},
		"a value of a request more":   {"enum: [red, blue]", "enum: [red, blue, green]"},
		"a code of errors more":       {"enum: [not_found, internal]", "enum: [not_found, internal, draining]"},
		"words":                       {"description: Not Found", "description: There is no such thing."},
		"a parameter that may be out": {"- {name: limit", "- {name: cursor, in: query, schema: {type: string}}\n        - {name: limit"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if out, err := check(t, change(t, tt.old, tt.new)); err != nil {
				t.Errorf("%v:\n%s", err, out)
			}
		})
	}
}
