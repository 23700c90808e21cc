package ingress

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/revise"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// The bounds of request bodies; JSON may write one byte as six.
const (
	maxMessageBody = 256 << 10
	maxBatchBody   = 8 << 20
)

// serverPlane is what the app's own servers call.
type serverPlane struct {
	*plane
	deps      ServerDeps
	rates     rates
	revisions *revise.Service
}

func (p *serverPlane) routes() {
	p.secured(serverKey, bearer("A server key of the app."))
	p.messageRoutes()
	p.revisionRoutes()
	p.pushRoutes()
	p.groupRoutes()
	p.broadcastRoutes()
	p.bulkRoutes()
	p.presenceRoutes()
	p.ruleRoutes()
	p.callRoutes()
	p.eraseRoutes()
	p.letterRoutes()
	register(p.plane, p.route(route{
		id: "list-devices", method: http.MethodGet, path: "/v1/users/{userID}/devices", summary: "List the devices of a user",
		description: "In the order of their push ids; a user who has none gets an empty list.", errors: []int{http.StatusUnprocessableEntity},
	}), p.devices)
	register(p.plane, p.route(route{
		id: "set-user-badge", method: http.MethodPut, path: "/v1/users/{userID}/badge", summary: "Set the number on the app's icon on all devices of a user",
		description: "Pushes with a badge count on from it; nothing is pushed now.",
	}), p.setUserBadge)
	register(p.plane, p.route(route{
		id: "bind-device", method: http.MethodPut, path: "/v1/devices/{pushID}/binding", summary: "Bind a device to a user",
		description: "For apps whose phones have no user tokens. After the answer nothing starts for the user who was bound before.", errors: []int{http.StatusNotFound},
	}), p.bind)
	register(p.plane, p.route(route{
		id: "unbind-device", method: http.MethodDelete, path: "/v1/devices/{pushID}/binding", summary: "Unbind a device",
		description: "The user logs out. After the answer nothing starts for the user who was bound.", errors: []int{http.StatusNotFound},
	}), p.unbind)
}

func (p *serverPlane) messageRoutes() {
	register(p.plane, p.route(route{
		id: "send-message", method: http.MethodPost, path: "/v1/messages", status: http.StatusAccepted,
		summary:     "Send a message to users",
		description: "The answer comes after the message is stored and its pushes are decided: 202, or 200 when the same request was accepted before.",
		errors:      []int{http.StatusConflict}, maxBody: maxMessageBody, rate: rateMessages,
	}), p.send)
	p.idempotent("/v1/messages")
	register(p.plane, p.route(route{
		id: "send-batch", method: http.MethodPost, path: "/v1/messages:batch",
		summary:     "Send up to 500 messages",
		description: "Every message is accepted or refused alone; results are in the order of the messages.",
		maxBody:     maxBatchBody, // A change; its messages are counted once they are read.
	}), p.sendBatch)
	register(p.plane, p.route(route{
		id: "trace-message", method: http.MethodGet, path: "/v1/messages/{messageID}",
		summary:     "Tell what became of a message, device by device",
		description: "The rule that decided for each device, the state of its push, and the vendor's answer and receipts. It is kept for retention.receipts.",
		errors:      []int{http.StatusNotFound},
	}), p.trace)
}

// idempotent documents the answer to a repeated request.
func (p *serverPlane) idempotent(path string) {
	sent := p.api.OpenAPI().Paths[path].Post.Responses
	sent["200"] = &huma.Response{Description: "The same request was accepted before.", Content: sent["202"].Content}
}

// route adds what all operations of this plane have.
func (p *serverPlane) route(r route) route {
	key := needsKey("server key", func() []config.Secret {
		doc, _ := p.deps.Live.Current()
		return doc.Auth.ServerKeys
	})
	class := classOf(r)
	r.security = []string{serverKey}
	r.guard = func(ctx huma.Context) *failure {
		if f := key(ctx); f != nil {
			return f
		}
		return p.rates.class(class, 1)
	}
	return r
}

type userInput struct {
	UserID string `path:"userID" maxLength:"64" doc:"The user, 1 to 64 bytes."`
}

type userBadgeInput struct {
	UserID string `path:"userID" maxLength:"64" doc:"The user, 1 to 64 bytes."`
	Body   wire.SetBadge
}

func (p *serverPlane) setUserBadge(ctx context.Context, in *userBadgeInput) (*struct{}, error) {
	return nil, p.deps.Store.SetUserBadge(ctx, in.UserID, in.Body.Badge)
}

type devicesInput struct {
	UserID string `path:"userID" maxLength:"64" doc:"The user, 1 to 64 bytes."`
	Page
}

type devicesOutput struct{ Body wire.Devices }

func (p *serverPlane) devices(ctx context.Context, in *devicesInput) (*devicesOutput, error) {
	pushID, err := after[string](in.Page)
	if err != nil {
		return nil, err
	}
	found, err := p.deps.Store.DevicesOf(ctx, []string{in.UserID})
	if err != nil {
		return nil, err
	}
	rest := slices.DeleteFunc(found[in.UserID], func(d message.Device) bool { return d.PushID <= pushID })
	devices, more := paged(rest, in.Page, func(d message.Device) string { return d.PushID })
	out := wire.Devices{UserID: in.UserID, Devices: make([]wire.Device, len(devices)), More: more}
	for i, d := range devices {
		out.Devices[i] = p.deviceOf(d)
	}
	return &devicesOutput{Body: out}, nil
}

func (p *serverPlane) deviceOf(d message.Device) wire.Device {
	return wire.Device{
		PushID: d.PushID, Vendor: d.Selector.Vendor, AppType: d.Selector.AppType, Region: d.Selector.Region,
		Environment: d.Selector.Environment, Platform: d.Platform, Online: p.online(d), RegisteredAt: d.RegisteredAt,
	}
}

// DeviceInput names a device. The library sees exported types only.
type DeviceInput struct {
	PushID string `path:"pushID" maxLength:"64" doc:"The device, as register-device answered."`
}

type serverBindInput struct {
	DeviceInput
	Body wire.BindDevice
}

func (p *serverPlane) bind(ctx context.Context, in *serverBindInput) (*bindingOutput, error) {
	d, err := p.deps.Bindings.Find(ctx, in.PushID)
	if err != nil {
		return nil, err
	}
	if d, err = p.deps.Bindings.Bind(ctx, d.Key, in.Body.UserID); err != nil {
		return nil, err
	}
	return &bindingOutput{Body: wire.Binding{PushID: d.PushID, UserID: d.UserID}}, nil
}

func (p *serverPlane) unbind(ctx context.Context, in *DeviceInput) (*struct{}, error) {
	d, err := p.deps.Bindings.Find(ctx, in.PushID)
	if err != nil {
		return nil, err
	}
	return nil, p.deps.Bindings.Logout(ctx, d.Key)
}
