package ingress

import (
	"bytes"
	_ "embed" // docs.html
	"html/template"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

// docsPath is where a plane shows its document to people, documentPath with an ending where programs get it.
const (
	docsPath     = "/docs"
	documentPath = "/openapi"
)

//go:embed docs.html
var docsPage string

// What the page shows of a document.
type (
	docsOf struct {
		Title, Description string
		Operations         []docsOperation
		Schemas            []docsSchema
	}
	docsOperation struct {
		ID, Method, Path, Summary, Description string
		Credentials                            []string
		Parameters                             []*huma.Param
		Bodies                                 []docsBody
		Answers                                []docsAnswer
	}
	docsBody struct {
		Media  string
		Schema *docsType
	}
	docsAnswer struct {
		Status, Description string
		Schema              *docsType
	}
	docsSchema struct {
		Name   string
		Fields []docsField
	}
	docsField struct {
		Name, Description string
		Required          bool
		Schema            *docsType
	}
	// docsType links to a schema, or says in words what it is.
	docsType struct {
		Link, Text string
		Many       bool
	}
)

// serveDocument serves the document, which is complete by now, in every form that tools read. The library's own way makes
// each at its first request, without a lock.
func (p *plane) serveDocument() {
	doc := p.api.OpenAPI()
	for ending, form := range map[string]func() ([]byte, error){
		".json": doc.MarshalJSON, "-3.0.json": doc.Downgrade, ".yaml": doc.YAML, "-3.0.yaml": doc.DowngradeYAML,
	} {
		made := sync.OnceValues(form)
		p.mux.HandleFunc(http.MethodGet+" "+documentPath+ending, func(w http.ResponseWriter, _ *http.Request) {
			text, err := made()
			if err != nil {
				panic("ingress: the document of the API: " + err.Error()) // It is part of the program.
			}
			w.Header().Set("Content-Type", "application/openapi+"+strings.TrimPrefix(path.Ext(ending), "."))
			_, _ = w.Write(text) // The caller has hung up.
		})
	}
}

// serveDocs shows the document, which is complete by now, as one page that needs nothing else.
func (p *plane) serveDocs() {
	var page bytes.Buffer
	err := template.Must(template.New("docs").Parse(docsPage)).Execute(&page, docsFrom(p.api.OpenAPI()))
	if err != nil {
		panic("ingress: the page of the API: " + err.Error()) // The page and the document are part of the program.
	}
	p.mux.HandleFunc(http.MethodGet+" "+docsPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
		_, _ = w.Write(page.Bytes()) // The caller has hung up.
	})
}

func docsFrom(doc *huma.OpenAPI) docsOf {
	out := docsOf{Title: doc.Info.Title, Description: doc.Info.Description}
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		item := doc.Paths[path]
		for _, op := range []*huma.Operation{item.Post, item.Get, item.Put, item.Patch, item.Delete} {
			if op != nil {
				out.Operations = append(out.Operations, docsOperationOf(path, op))
			}
		}
	}
	schemas := doc.Components.Schemas.Map()
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		s := docsSchema{Name: name}
		for _, field := range slices.Sorted(maps.Keys(schemas[name].Properties)) {
			property := schemas[name].Properties[field]
			s.Fields = append(s.Fields, docsField{
				Name: field, Description: property.Description, Required: slices.Contains(schemas[name].Required, field), Schema: docsTypeOf(property),
			})
		}
		out.Schemas = append(out.Schemas, s)
	}
	return out
}

func docsOperationOf(path string, op *huma.Operation) docsOperation {
	out := docsOperation{
		ID: op.OperationID, Method: op.Method, Path: path, Summary: op.Summary, Description: op.Description, Parameters: op.Parameters,
	}
	for _, all := range op.Security {
		out.Credentials = append(out.Credentials, slices.Sorted(maps.Keys(all))...)
	}
	if op.RequestBody != nil {
		for _, media := range slices.Sorted(maps.Keys(op.RequestBody.Content)) {
			out.Bodies = append(out.Bodies, docsBody{media, docsTypeOf(op.RequestBody.Content[media].Schema)})
		}
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		r := op.Responses[status]
		a := docsAnswer{Status: status, Description: r.Description}
		for _, media := range r.Content {
			a.Schema = docsTypeOf(media.Schema)
		}
		out.Answers = append(out.Answers, a)
	}
	return out
}

func docsTypeOf(s *huma.Schema) *docsType {
	switch {
	case s == nil:
		return nil
	case s.Ref != "":
		return &docsType{Link: s.Ref[strings.LastIndex(s.Ref, "/")+1:]}
	case s.Type == huma.TypeArray && s.Items != nil:
		item := *docsTypeOf(s.Items)
		item.Many, item.Text = true, "list of "+item.Text
		return &item
	}
	return &docsType{Text: s.Type}
}
