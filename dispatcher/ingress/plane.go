package ingress

import (
	"context"
	"log/slog"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/offlinepush/operator/dispatcher/strict"
	"github.com/offlinepush/operator/dispatcher/tracing"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// apiVersion is the version of both OpenAPI documents.
const apiVersion = "1.0.0"

// requestTimeout is above the longest wait for open vendor calls.
const requestTimeout = 15 * time.Second

// The names of the credentials in the OpenAPI documents.
const (
	registrationKey = "registrationKey"
	userToken       = "userToken"
	deviceSecret    = "deviceSecret"
	serverKey       = "serverKey"
)

// plane is what both planes have in common.
type plane struct {
	mux     *http.ServeMux
	api     huma.API
	log     *slog.Logger
	problem *huma.Schema
	// admit admits requests of every route before its guard; nil admits all.
	admit func(huma.Context) *failure
	// tracer tells of requests under the plane's name; trusted says that their callers may decide which.
	tracer  *tracing.Tracer
	name    string
	trusted bool
}

func newPlane(title string, log *slog.Logger) *plane {
	p := &plane{mux: http.NewServeMux(), log: log}
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	p.problem = registry.Schema(reflect.TypeFor[wire.Problem](), true, "Problem")
	json := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: strict.Unmarshal}
	p.api = humago.New(p.mux, huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI:    "3.1.0",
			Info:       &huma.Info{Title: title, Version: apiVersion, Description: "Errors are application/problem+json (RFC 9457) with a stable code."},
			Components: &huma.Components{Schemas: registry, SecuritySchemes: map[string]*huma.SecurityScheme{}},
		},
		Formats:       map[string]huma.Format{"application/json": json, "json": json},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{toProblem},
	})
	p.mux.HandleFunc("/", notFound)
	return p
}

// handler is the plane with what every request goes through.
func (p *plane) handler() http.Handler {
	for _, name := range []string{"ErrorModel", "ErrorDetail"} { // The library's, which toProblem replaces.
		delete(p.api.OpenAPI().Components.Schemas.Map(), name)
	}
	p.serveDocument()
	p.serveDocs()
	return withRequestID(recovered(p.log, p.mux))
}

func notFound(w http.ResponseWriter, _ *http.Request) {
	fail(http.StatusNotFound, wire.CodeNotFound, "there is no such method and path; /openapi.yaml lists all").Write(w)
}

// secured documents a kind of credential.
func (p *plane) secured(name string, s *huma.SecurityScheme) {
	p.api.OpenAPI().Components.SecuritySchemes[name] = s
}

func bearer(description string) *huma.SecurityScheme {
	return &huma.SecurityScheme{Type: "http", Scheme: "bearer", Description: description}
}

// route is one operation of a plane.
type route struct {
	// description is for who has not read anything else.
	id, method, path, summary, description string
	// status of success; 0 means 200, or 204 without a body.
	status int
	// security names the credentials, which all must be given.
	security []string
	// errors are the statuses beside those that every operation can have.
	errors []int
	// maxBody bounds the request body in bytes; 0 means 64 KiB.
	maxBody int64
	// guard admits the request before anything of it is read; nil admits all.
	guard func(huma.Context) *failure
	// rate is what the request counts as on the server plane; empty means a query or a change.
	rate rateClass
	// inner run around the operation once its body is read.
	inner huma.Middlewares
}

const defaultMaxBody = 64 << 10

// register adds the operation to the plane and to its document.
func register[I, O any](p *plane, r route, handle func(context.Context, *I) (*O, error)) {
	if r.maxBody == 0 {
		r.maxBody = defaultMaxBody
	}
	hasBody := hasField[I]("Body") || hasField[I]("RawBody")
	op := huma.Operation{
		OperationID: r.id, Method: r.method, Path: r.path, Summary: r.summary, Description: r.description,
		DefaultStatus: r.status, Responses: p.responses(r, hasBody),
		MaxBodyBytes: r.maxBody + 1,
		// The body is read before, by limitBody; a deadline would end the context of a slow request.
		BodyReadTimeout: -1,
		Middlewares: append(huma.Middlewares{
			p.guarded(p.admit), p.guarded(r.guard), p.traced(r), p.guarded(readable(r.path)), p.guarded(encoded), p.limitBody(r.maxBody),
		}, r.inner...),
	}
	if len(r.security) > 0 {
		all := map[string][]string{}
		for _, name := range r.security {
			all[name] = []string{}
		}
		op.Security = []map[string][]string{all}
	}
	huma.Register(p.api, op, func(ctx context.Context, in *I) (*O, error) {
		ctx, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		out, err := handle(ctx, in)
		if err != nil {
			return nil, p.failureOf(ctx, err)
		}
		return out, nil
	})
}

func hasField[I any](name string) bool {
	_, has := reflect.TypeFor[I]().FieldByName(name)
	return has
}

// responses documents the errors of an operation.
func (p *plane) responses(r route, hasBody bool) map[string]*huma.Response {
	statuses := append([]int{http.StatusInternalServerError, http.StatusServiceUnavailable}, r.errors...)
	if len(r.security) > 0 {
		statuses = append(statuses, http.StatusUnauthorized, http.StatusTooManyRequests)
	}
	if hasBody {
		statuses = append(statuses, http.StatusBadRequest, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge,
			http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity)
	}
	out := map[string]*huma.Response{}
	for _, status := range statuses {
		out[strconv.Itoa(status)] = &huma.Response{
			Description: http.StatusText(status),
			Content:     map[string]*huma.MediaType{wire.ProblemType: {Schema: p.problem}},
		}
	}
	return out
}
