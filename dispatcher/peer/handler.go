package peer

import (
	"encoding/json"
	"log/slog"
	"net/http"

	"github.com/offlinepush/operator/dispatcher/store"
)

// HandlerDeps is what answers the other dispatchers.
type HandlerDeps struct {
	Sessions Sessions
	Calls    Calls
	// Incarnation is the number of this process's lease.
	Incarnation func() int64
	Log         *slog.Logger
}

// Handler answers the other dispatchers. It belongs behind Credential.Server,
// which lets nobody else in.
func Handler(d HandlerDeps) http.Handler {
	h := handler{d}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+fencePath, h.fence)
	mux.HandleFunc("POST "+hintsPath, h.hints)
	mux.HandleFunc("POST "+replacedPath, h.replaced)
	return mux
}

type handler struct{ HandlerDeps }

func (h handler) fence(w http.ResponseWriter, r *http.Request) {
	var in fenceRequest
	if !read(w, r, &in) {
		return
	}
	changes := make([]store.EpochChange, len(in.Changes))
	for i, c := range in.Changes {
		changes[i] = store.EpochChange{Device: c.Device, Epoch: c.Epoch}
	}
	h.Sessions.Kick(changes, in.Reason)
	if err := h.Calls.Quiesce(r.Context(), changes); err != nil {
		http.Error(w, "a vendor call is open, ask again", http.StatusServiceUnavailable)
		return
	}
	h.answer(w)
}

func (h handler) hints(w http.ResponseWriter, r *http.Request) {
	var in hintsRequest
	if !read(w, r, &in) {
		return
	}
	upTo := make(map[string]int64, len(in.Hints))
	for _, one := range in.Hints {
		upTo[one.UserID] = max(upTo[one.UserID], one.UpTo)
	}
	h.Sessions.Notify(upTo)
	if in.All {
		h.Sessions.NotifyAll()
	}
	h.answer(w)
}

func (h handler) replaced(w http.ResponseWriter, r *http.Request) {
	var in replacedRequest
	if !read(w, r, &in) {
		return
	}
	for _, s := range in.Sessions {
		h.Sessions.Replace(s.Device, s.Number)
	}
	h.answer(w)
}

func read(w http.ResponseWriter, r *http.Request, into request) bool {
	if err := decode(r.Body, into); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}

func (h handler) answer(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(answer{Incarnation: h.Incarnation()}); err != nil {
		h.Log.Debug("answering a peer", "error", err)
	}
}
