package ingress

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/offlinepush/operator/dispatcher/binding"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/receipt"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// devicePlane is what phones call.
type devicePlane struct {
	*plane
	deps  DeviceDeps
	rates rates
}

func (p *devicePlane) routes() {
	p.admit = func(ctx huma.Context) *failure {
		return p.rates.source(ctx, "requests ", p.rates.limits().RequestsPerSource)
	}
	p.secured(registrationKey, bearer("A registration key of the app, which is built into it."))
	p.secured(userToken, bearer("The user's JSON Web Token; its subject is the user id."))
	p.secured(deviceSecret, &huma.SecurityScheme{
		Type: "apiKey", In: "header", Name: wire.SecretHeader, Description: "What the registration answered.",
	})
	register(p.plane, route{
		id: "register-device", method: http.MethodPost, path: "/v1/devices", status: http.StatusCreated,
		summary: "Register an installation",
		description: "Once after the app is installed. The answer holds the push id and the secret of the device, which cannot be read again. " +
			"Another installation that holds the same vendor token is retired.",
		security: []string{registrationKey}, guard: p.mayRegister(),
	}, p.register)
	register(p.plane, route{
		id: "set-token", method: http.MethodPut, path: "/v1/devices/{pushID}/token",
		summary:     "Replace a vendor token",
		description: "When the vendor's SDK gives another token than before. The device keeps its push id and its user.",
		security:    []string{deviceSecret}, errors: []int{http.StatusNotFound},
	}, p.setToken)
	register(p.plane, route{
		id: "bind-device", method: http.MethodPut, path: "/v1/devices/{pushID}/binding",
		summary:     "Bind the device to the user",
		description: "The user logs in on the device: pushes for the user go to it from now on. After the answer nothing starts for the user who was bound before.",
		security:    []string{deviceSecret, userToken}, errors: []int{http.StatusForbidden, http.StatusNotFound},
	}, p.bind)
	register(p.plane, route{
		id: "logout-device", method: http.MethodDelete, path: "/v1/devices/{pushID}/binding",
		summary:     "Log out",
		description: "The device is bound to nobody then. After the answer nothing starts for the user who was bound.",
		security:    []string{deviceSecret}, errors: []int{http.StatusNotFound},
	}, p.logout)
	register(p.plane, route{
		id: "unregister-device", method: http.MethodDelete, path: "/v1/devices/{pushID}",
		summary:     "Unregister the installation",
		description: "Its tokens and its binding are deleted and its session ends. After the answer nothing is pushed to it; its push id is never used again.",
		security:    []string{deviceSecret}, errors: []int{http.StatusNotFound},
	}, p.unregister)
	register(p.plane, route{
		id: "set-badge", method: http.MethodPut, path: "/v1/devices/{pushID}/badge",
		summary:     "Tell the number on the app's icon",
		description: "Pushes with a badge count on from it. Without it a push leaves the icon as it is, where the vendor needs the number.",
		security:    []string{deviceSecret}, errors: []int{http.StatusNotFound},
	}, p.setBadge)
	p.ruleRoutes()
	p.callRoutes()
	p.session()
	p.receipts()
}

// receipts documents the callbacks, whose media type and answer are the vendors'.
func (p *devicePlane) receipts() {
	p.mux.Handle(http.MethodPost+" "+receipt.Path, p.deps.Receipts)
	problem := func(description string) *huma.Response {
		return &huma.Response{Description: description, Content: map[string]*huma.MediaType{wire.ProblemType: {Schema: p.problem}}}
	}
	p.api.OpenAPI().AddOperation(&huma.Operation{
		OperationID: "report-receipts", Method: http.MethodPost, Path: receipt.Path, Summary: "Report what became of pushes (vendors)",
		Description: "The URL of a channel row, whose last part is a secret, is set in the vendor's console or sent with each push.",
		Parameters: []*huma.Param{{
			Name: "secret", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}, Description: "Stands for the channel row.",
		}},
		RequestBody: &huma.RequestBody{
			Required: true, Description: "In the vendor's own form, at most 1 MiB.", Content: map[string]*huma.MediaType{"*/*": {}},
		},
		Responses: map[string]*huma.Response{
			"200": {Description: "The receipts are stored.", Content: map[string]*huma.MediaType{"application/json": {}}},
			"400": problem("The callback is malformed."),
			"401": problem("The vendor's signature or token is wrong."),
			"404": problem("There is no such URL."),
			"413": problem("The callback is larger than 1 MiB."),
			"415": problem("The callback is compressed."),
			"503": problem("Nothing was stored: send the same again."),
		},
	})
}

// session documents the WebSocket, which the library cannot serve.
func (p *devicePlane) session() {
	p.mux.Handle(http.MethodGet+" "+wire.SessionPath, p.rates.logins(p.deps.Session))
	p.api.OpenAPI().AddOperation(&huma.Operation{
		OperationID: "open-session", Method: http.MethodGet, Path: wire.SessionPath, Summary: "Open a session (WebSocket)",
		Description: sessionDescription,
		Responses: map[string]*huma.Response{
			"101": {Description: "The session is open; the first frame must be the login."},
			"426": {
				Description: "The request asks for no WebSocket.",
				Content:     map[string]*huma.MediaType{wire.ProblemType: {Schema: p.problem}},
			},
			"429": {
				Description: "Too many logins from this address.",
				Content:     map[string]*huma.MediaType{wire.ProblemType: {Schema: p.problem}},
			},
			"503": {
				Description: "The dispatcher is full or stopping.",
				Content:     map[string]*huma.MediaType{wire.ProblemType: {Schema: p.problem}},
			},
		},
	})
}

const sessionDescription = `Frames are JSON objects in text messages.
The device sends first ` + "`" + `{"type":"login","token","pushID","deviceSecret","after"?,"platform"?,"deviceName"?}` + "`" + ` (the user's token; a login binds
the device), then ` + "`" + `{"type":"ack","seq"}` + "`" + ` for everything up to seq, ` + "`" + `{"type":"ping"}` + "`" + ` every heartbeatSeconds, and ` + "`" + `{"type":"logout"}` + "`" + `.
The dispatcher sends ` + "`" + `{"type":"welcome","userID","cursor","heartbeatSeconds"}` + "`" + `,
` + "`" + `{"type":"message","seq","messageID","kind","from","body","push","createdAt"}` + "`" + ` strictly by seq from the cursor on,
` + "`" + `{"type":"gap","cursor"}` + "`" + ` where messages are no longer kept, ` + "`" + `{"type":"pong","heartbeatSeconds"}` + "`" + `,
` + "`" + `{"type":"loggedOut"}` + "`" + ` when a logout is done, and ` + "`" + `{"type":"kicked","reason"}` + "`" + ` with replaced, rebound, logged_out, unregistered, device_limit or draining
before it closes. docs/sessions.md describes every frame.`

// mayRegister takes from the total only for callers with a key: the others
// cannot use up what the phones need.
func (p *devicePlane) mayRegister() func(huma.Context) *failure {
	key := needsKey("registration key", func() []config.Secret {
		doc, _ := p.deps.Live.Current()
		return doc.Auth.RegistrationKeys
	})
	return func(ctx huma.Context) *failure {
		limits := p.rates.limits()
		if f := p.rates.source(ctx, "registrations ", limits.RegistrationsPerSource); f != nil {
			return f
		}
		if f := key(ctx); f != nil {
			return f
		}
		return p.rates.admit("registrations", "too many registrations", limits.Registrations, 1)
	}
}

// Proof is how a device says who it is. The library sees exported types only.
type Proof struct {
	PushID string `path:"pushID" maxLength:"64" doc:"The device, as register-device answered."`
	Secret string `header:"Offlinepush-Device-Secret" hidden:"true"`
}

func (p *devicePlane) device(ctx context.Context, by Proof) (message.Device, error) {
	if by.Secret == "" {
		return message.Device{}, fail(http.StatusUnauthorized, wire.CodeUnauthenticated, "give the device secret in the header "+wire.SecretHeader)
	}
	d, err := p.deps.Bindings.Authenticate(ctx, by.PushID, by.Secret)
	if err != nil {
		return message.Device{}, err
	}
	if f := p.admitOne("device "+d.PushID, "requests of this device"); f != nil {
		return message.Device{}, f
	}
	return d, nil
}

// admitOne bounds what is done for one device or one user, who has proven to be it.
func (p *devicePlane) admitOne(key, what string) *failure {
	return p.rates.admit(key, "too many "+what, p.rates.limits().RequestsPerDevice, 1)
}

type registerInput struct{ Body wire.RegisterDevice }

type registerOutput struct{ Body wire.RegisteredDevice }

func (p *devicePlane) register(ctx context.Context, in *registerInput) (*registerOutput, error) {
	c, err := p.deps.Bindings.Register(ctx, binding.Registration{
		Selector: message.Selector{
			Vendor: in.Body.Vendor, AppType: in.Body.AppType, Region: in.Body.Region, Environment: in.Body.Environment,
		},
		Platform: in.Body.Platform,
		Token:    in.Body.Token, VoIPToken: in.Body.VoIPToken,
	})
	if err != nil {
		return nil, err
	}
	return &registerOutput{Body: wire.RegisteredDevice(c)}, nil
}

type setTokenInput struct {
	Proof
	Body wire.SetToken
}

func (p *devicePlane) setToken(ctx context.Context, in *setTokenInput) (*struct{}, error) {
	d, err := p.device(ctx, in.Proof)
	if err != nil {
		return nil, err
	}
	return nil, p.deps.Bindings.SetToken(ctx, d, message.TokenKind(in.Body.Kind), in.Body.Token)
}

type badgeInput struct {
	Proof
	Body wire.SetBadge
}

func (p *devicePlane) setBadge(ctx context.Context, in *badgeInput) (*struct{}, error) {
	d, err := p.device(ctx, in.Proof)
	if err != nil {
		return nil, err
	}
	return nil, p.deps.Badges.SetBadge(ctx, d.Key, in.Body.Badge)
}

type bindingOutput struct{ Body wire.Binding }

func (p *devicePlane) bind(ctx context.Context, in *UserProof) (*bindingOutput, error) {
	d, userID, err := p.user(ctx, *in)
	if err != nil {
		return nil, err
	}
	if f := p.admitOne("user "+userID, "bindings to this user"); f != nil {
		return nil, f
	}
	if d, err = p.deps.Bindings.Bind(ctx, d.Key, userID); err != nil {
		return nil, err
	}
	return &bindingOutput{Body: wire.Binding{PushID: d.PushID, UserID: d.UserID}}, nil
}

func (p *devicePlane) logout(ctx context.Context, in *Proof) (*struct{}, error) {
	d, err := p.device(ctx, *in)
	if err != nil {
		return nil, err
	}
	return nil, p.deps.Bindings.Logout(ctx, d.Key)
}

func (p *devicePlane) unregister(ctx context.Context, in *Proof) (*struct{}, error) {
	d, err := p.device(ctx, *in)
	if err != nil {
		return nil, err
	}
	return nil, p.deps.Bindings.Unregister(ctx, d.Key)
}
