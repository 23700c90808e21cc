package simulator

import (
	"context"
	"net/http"

	"github.com/offlinepush/operator/dispatcher/simulator/adminapi"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

// admin is the plain HTTP port.
type admin struct {
	vendors  *vendors
	phones   *phone.Book
	tokenURI string
}

func (a *admin) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	for _, v := range a.vendors.byName {
		v.RegisterAdmin(mux, a.tokenURI)
	}
	a.handleVendors(mux)
	a.handlePhones(mux)
	return mux
}

// handleVendors adds what all vendors have in common.
func (a *admin) handleVendors(mux *http.ServeMux) {
	mux.Handle("POST /admin/{vendor}/apps/{id}/revoke", a.onVendor(func(r *http.Request, v vendor, _ *traffic.Tap) (any, error) {
		return nil, v.Revoke(r.PathValue("id"))
	}))
	mux.Handle("POST /admin/{vendor}/apps/{id}/rotate", a.onVendor(func(r *http.Request, v vendor, _ *traffic.Tap) (any, error) {
		return v.Rotate(r, r.PathValue("id"))
	}))
	mux.Handle("GET /admin/{vendor}/faults", a.onVendor(func(_ *http.Request, _ vendor, t *traffic.Tap) (any, error) {
		return map[string]*traffic.Fault{"fault": t.Fault()}, nil
	}))
	mux.Handle("PUT /admin/{vendor}/faults", a.onVendor(setFault))
	mux.Handle("DELETE /admin/{vendor}/faults", a.onVendor(func(_ *http.Request, _ vendor, t *traffic.Tap) (any, error) {
		t.ClearFault()
		return nil, nil
	}))
	mux.Handle("GET /admin/{vendor}/requests", a.onVendor(listRequests))
	mux.Handle("DELETE /admin/{vendor}/requests", a.onVendor(func(_ *http.Request, _ vendor, t *traffic.Tap) (any, error) {
		t.ClearRequests()
		return nil, nil
	}))
}

func (a *admin) onVendor(do func(*http.Request, vendor, *traffic.Tap) (any, error)) http.Handler {
	return adminapi.Handle(func(r *http.Request) (any, error) {
		name := r.PathValue("vendor")
		v, ok := a.vendors.byName[name]
		if !ok {
			return nil, adminapi.NotFound("vendor: is %q, must be one of: %s", name, a.vendors.names())
		}
		return do(r, v, a.vendors.taps[name])
	})
}

func setFault(r *http.Request, _ vendor, t *traffic.Tap) (any, error) {
	var f traffic.Fault
	if err := adminapi.Read(r, &f); err != nil {
		return nil, err
	}
	if err := t.SetFault(f); err != nil {
		return nil, adminapi.Invalid("%v", err)
	}
	return nil, nil
}

func listRequests(r *http.Request, _ vendor, t *traffic.Tap) (any, error) {
	poll, err := adminapi.ReadPoll(r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), poll.Wait)
	defer cancel()
	return t.Requests(ctx, poll.After), nil
}
