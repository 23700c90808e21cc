package ingress

import (
	"mime"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/offlinepush/operator/dispatcher/wire"
)

// bulkAtOnce is how many requests for bindings in bulk run at the same time, so
// that they do not slow down what phones and servers do meanwhile.
const bulkAtOnce = 2

// bulkRoutes are for bindings that move.
func (p *serverPlane) bulkRoutes() {
	gate := p.bulkGate()
	register(p.plane, p.route(route{
		id: "export-bindings", method: http.MethodGet, path: "/v1/bindings",
		summary:     "Export devices and their bindings",
		description: exportDescription, errors: []int{http.StatusUnprocessableEntity}, inner: gate, rate: rateBulk,
	}), p.export)
	register(p.plane, p.route(route{
		id: "import-bindings", method: http.MethodPost, path: "/v1/bindings",
		summary:     "Import devices and their bindings",
		description: importDescription, maxBody: wire.MaxImportBytes, rate: rateBulk,
		inner: append(huma.Middlewares{p.ndjsonOnly}, gate...),
	}), p.importBindings)
	register(p.plane, p.route(route{
		id: "get-bindings-checksum", method: http.MethodGet, path: "/v1/bindings:checksum",
		summary:     "Count devices and sum up what an export would hold",
		description: checksumDescription, errors: []int{http.StatusUnprocessableEntity}, inner: gate, rate: rateBulk,
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

// bulkGate admits as many requests at once as there are places, until their answers end.
func (p *serverPlane) bulkGate() huma.Middlewares {
	places := make(chan struct{}, bulkAtOnce)
	return huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) {
		select {
		case places <- struct{}{}:
		default:
			fail(http.StatusTooManyRequests, wire.CodeRateLimited, "too many requests for bindings in bulk at once").later(retryBulk).write(ctx, p.api)
			return
		}
		defer func() { <-places }()
		next(ctx)
	}}
}
