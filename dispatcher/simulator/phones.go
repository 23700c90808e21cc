package simulator

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/offlinepush/operator/dispatcher/simulator/adminapi"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
)

// NewPhone asks for a phone with an app of a vendor's customer.
type NewPhone struct {
	// Vendor is the simulator's name of a vendor, such as fcm or xiaomi.
	Vendor string `json:"vendor"`
	// App is the id of an app in the vendor's console: FCM's project, Xiaomi's package, OPPO's AppKey.
	App string `json:"app"`
	// ID and Token make a phone again that a former simulator had. Both may be empty.
	ID    string `json:"id,omitempty"`
	Token string `json:"token,omitempty"`
}

func (a *admin) handlePhones(mux *http.ServeMux) {
	mux.Handle("POST /phones", adminapi.Handle(a.addPhone))
	mux.Handle("GET /phones", adminapi.Handle(func(*http.Request) (any, error) {
		list := []phone.Phone{}
		for _, h := range a.phones.List() {
			list = append(list, h.Phone())
		}
		return list, nil
	}))
	mux.Handle("GET /phones/{id}", a.onPhone(func(_ *http.Request, h *phone.Handset) (any, error) {
		return h.Phone(), nil
	}))
	mux.Handle("DELETE /phones/{id}", a.onPhone(a.uninstall))
	mux.Handle("POST /phones/{id}/reinstall", a.onPhone(a.reinstall))
	mux.Handle("POST /phones/{id}/token", a.onPhone(a.rotateToken))
	mux.Handle("PUT /phones/{id}/state", a.onPhone(func(r *http.Request, h *phone.Handset) (any, error) {
		var c phone.Change
		if err := adminapi.Read(r, &c); err != nil {
			return nil, err
		}
		h.SetState(c)
		return h.Phone(), nil
	}))
	mux.Handle("GET /phones/{id}/notifications", a.onPhone(listArrivals))
	mux.Handle("POST /phones/{id}/notifications/{seq}/click", a.onPhone(click))
	mux.HandleFunc("GET /phones/{id}/stream", a.stream)
}

func (a *admin) onPhone(do func(*http.Request, *phone.Handset) (any, error)) http.Handler {
	return adminapi.Handle(func(r *http.Request) (any, error) {
		h, ok := a.phones.Get(r.PathValue("id"))
		if !ok {
			return nil, adminapi.NotFound("there is no phone %q; create it with POST /phones", r.PathValue("id"))
		}
		return do(r, h)
	})
}

func (a *admin) addPhone(r *http.Request) (any, error) {
	var n NewPhone
	if err := adminapi.Read(r, &n); err != nil {
		return nil, err
	}
	v, ok := a.vendors.byName[n.Vendor]
	if !ok {
		return nil, adminapi.Invalid("vendor: is %q, must be one of: %s", n.Vendor, a.vendors.names())
	}
	if err := v.CheckApp(n.App); err != nil {
		return nil, err
	}
	return a.install(v, n)
}

func (a *admin) install(v vendor, n NewPhone) (any, error) {
	names, err := issue(v, n.App), error(nil)
	if n.Token != "" {
		names, err = v.Names(n.Token)
	}
	if err != nil {
		return nil, err
	}
	h, err := a.phones.Add(n.Vendor, n.App, n.ID, names)
	if err != nil {
		return nil, conflict(err)
	}
	return h.Phone(), nil
}

// issue makes the names of a new installation. Web Push's depend on the app's key.
func issue(v vendor, app string) phone.Names {
	if own, ok := v.(interface{ IssueFor(app string) phone.Names }); ok {
		return own.IssueFor(app)
	}
	return v.Issue()
}

// conflict turns the reasons of the Book into answers.
func conflict(err error) error {
	for _, known := range []error{phone.ErrFull, phone.ErrIDTaken, phone.ErrTokenTaken} {
		if errors.Is(err, known) {
			return adminapi.Conflict("%v", err)
		}
	}
	return err
}

// uninstall removes the app, or with ?forget=true the phone.
func (a *admin) uninstall(r *http.Request, h *phone.Handset) (any, error) {
	switch forget := r.URL.Query().Get("forget"); forget {
	case "", "false":
		a.phones.Uninstall(h)
	case "true":
		a.phones.Forget(h)
	default:
		return nil, adminapi.Invalid("forget: is %q, must be true or false", forget)
	}
	return nil, nil
}

func (a *admin) reinstall(_ *http.Request, h *phone.Handset) (any, error) {
	p := h.Phone()
	return a.install(a.vendors.byName[p.Vendor], NewPhone{Vendor: p.Vendor, App: p.App, ID: p.ID})
}

func (a *admin) rotateToken(_ *http.Request, h *phone.Handset) (any, error) {
	p := h.Phone()
	if !p.Installed {
		return nil, adminapi.Conflict("phone %q has no app; install it with POST /phones/%s/reinstall", p.ID, p.ID)
	}
	v := a.vendors.byName[p.Vendor]
	token := v.Reissue(phone.Names{Token: p.Token, InstallationID: p.InstallationID, VoIPToken: p.VoIPToken})
	if err := a.phones.RotateToken(h, token); err != nil {
		return nil, conflict(err)
	}
	return h.Phone(), nil
}

func listArrivals(r *http.Request, h *phone.Handset) (any, error) {
	poll, err := adminapi.ReadPoll(r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), poll.Wait)
	defer cancel()
	return append([]phone.Arrival{}, h.Wait(ctx, poll.After)...), nil
}

func click(r *http.Request, h *phone.Handset) (any, error) {
	seq, err := strconv.ParseInt(r.PathValue("seq"), 10, 64)
	if err != nil || !h.Click(seq) {
		return nil, adminapi.NotFound("notification %s is not in the phone's tray", r.PathValue("seq"))
	}
	return nil, nil
}

// stream writes a line for each arrival after the given one, until the caller goes.
func (a *admin) stream(w http.ResponseWriter, r *http.Request) {
	h, ok := a.phones.Get(r.PathValue("id"))
	poll, err := adminapi.ReadPoll(r)
	if err != nil || !ok {
		a.onPhone(func(*http.Request, *phone.Handset) (any, error) { return nil, err }).ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	encoder, flusher := json.NewEncoder(w), http.NewResponseController(w)
	encoder.SetEscapeHTML(false)
	for after := poll.After; flusher.Flush() == nil; {
		found := h.Wait(r.Context(), after)
		if len(found) == 0 {
			return
		}
		for _, arrival := range found {
			if encoder.Encode(arrival) != nil {
				return
			}
			after = arrival.Seq
		}
	}
}
