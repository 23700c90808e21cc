package ingress

import (
	"mime"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/time/rate"

	"github.com/offlinepush/operator/dispatcher/wire"
)

// BulkLimits bounds how bindings are read and stored in bulk, so that it does
// not slow down what phones and servers do meanwhile.
type BulkLimits struct {
	// PerSecond is for requests, with a burst of as many as come in five seconds.
	PerSecond float64
	// AtOnce is how many run at the same time.
	AtOnce int
}

// DefaultBulk is what one dispatcher takes.
func DefaultBulk() BulkLimits { return BulkLimits{PerSecond: 20, AtOnce: 2} }

// bulkRoutes are for bindings that move.
func (p *serverPlane) bulkRoutes() {
	gate := p.bulkGate(p.deps.Bulk)
	tooMany := []int{http.StatusTooManyRequests}
	register(p.plane, p.route(route{
		id: "export-bindings", method: http.MethodGet, path: "/v1/bindings",
		summary:     "Export devices and their bindings",
		description: exportDescription, errors: append(tooMany, http.StatusUnprocessableEntity), inner: gate,
	}), p.export)
	register(p.plane, p.route(route{
		id: "import-bindings", method: http.MethodPost, path: "/v1/bindings",
		summary:     "Import devices and their bindings",
		description: importDescription, errors: tooMany, maxBody: wire.MaxImportBytes,
		inner: append(huma.Middlewares{p.ndjsonOnly}, gate...),
	}), p.importBindings)
	register(p.plane, p.route(route{
		id: "get-bindings-checksum", method: http.MethodGet, path: "/v1/bindings:checksum",
		summary:     "Count devices and sum up what an export would hold",
		description: checksumDescription, errors: append(tooMany, http.StatusUnprocessableEntity), inner: gate,
	}), p.checksum)
	p.documentLines()
}

const exportDescription = `Lines of JSON: a device each, in the order of the cursor, and a total (count and checksum of the lines before) as the last one.
An answer without a total was cut off: go on with the last cursor as after. A total with next ends at limit: go on with next as after.
A device that changes meanwhile is there once, as it is when its line is written.`

const importDescription = `Up to 1000 lines of JSON and 4 MiB: devices as an export has them, or rows of another system's token table.
Of two states of a device, or of two devices with one token, the one seen later stays; the same lines may be sent again.
After the answer nothing starts for users whom the import replaced. Lines that break a rule are listed; the others are stored. A total is skipped.`

const checksumDescription = `Count and checksum of the devices behind after, at most 50000 of them; with next there may be more behind it.
Counts add up, checksums too: as numbers of 256 bits, without the carry.`

// documentLines adds what the library cannot know of lines to the document.
func (p *serverPlane) documentLines() {
	schemas := p.api.OpenAPI().Components.Schemas
	device := schemas.Schema(reflect.TypeFor[wire.DeviceRecord](), true, "")
	row := schemas.Schema(reflect.TypeFor[wire.TokenRecord](), true, "")
	total := schemas.Schema(reflect.TypeFor[wire.BindingsTotal](), true, "")
	path := p.api.OpenAPI().Paths["/v1/bindings"]
	path.Get.Responses["200"].Content = map[string]*huma.MediaType{
		wire.NDJSONType: {Schema: &huma.Schema{Description: "One line.", OneOf: []*huma.Schema{device, total}}},
	}
	path.Post.RequestBody.Content[wire.NDJSONType].Schema = &huma.Schema{
		Description: "One line.", OneOf: []*huma.Schema{device, row, total},
	}
}

// ndjsonOnly refuses bodies that say they are something else.
func (p *serverPlane) ndjsonOnly(ctx huma.Context, next func(huma.Context)) {
	given := ctx.Header("Content-Type")
	if media, _, err := mime.ParseMediaType(given); given != "" && (err != nil || media != wire.NDJSONType) {
		fail(http.StatusUnsupportedMediaType, wire.CodeUnsupportedMediaType, "send the body as "+wire.NDJSONType).write(ctx, p.api)
		return
	}
	next(ctx)
}

// bulkGate admits as many requests as the limits allow, until their answers end.
func (p *serverPlane) bulkGate(l BulkLimits) huma.Middlewares {
	requests, places := bucket(l.PerSecond), make(chan struct{}, l.AtOnce)
	return huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) {
		if !enter(requests, places) {
			fail(http.StatusTooManyRequests, wire.CodeRateLimited, "too many requests for bindings in bulk").later(retryRate).write(ctx, p.api)
			return
		}
		defer func() { <-places }()
		next(ctx)
	}}
}

func enter(requests *rate.Limiter, places chan struct{}) bool {
	select {
	case places <- struct{}{}:
	default:
		return false
	}
	if !requests.Allow() {
		<-places
		return false
	}
	return true
}
