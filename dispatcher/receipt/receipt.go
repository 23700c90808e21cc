// Package receipt takes what vendors report of pushes: a callback comes to the
// secret URL of a channel row, its vendor's package reads it, and what is about
// our messages and phones is stored. Dead tokens are quarantined, under the same
// fuse as the answers to pushes.
package receipt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/metrics"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// Path is the pattern of the receipt URLs' paths.
const Path = config.ReceiptPath + "{secret}"

const (
	// maxBody is above the largest callback: Huawei and Honor report up to 1,000 pushes at once.
	maxBody = 1 << 20
	// timeout bounds the storing; vendors wait 5 seconds and more, and send again.
	timeout    = 10 * time.Second
	retryAfter = 2 * time.Second
)

// received is what Huawei and HarmonyOS want to read; the others look at the status alone.
const received = `{"code":"0","message":"success"}`

// Store keeps the receipts.
type Store interface {
	AddReceipts(ctx context.Context, receipts []store.Receipt) (added []bool, err error)
	TokenHealth(ctx context.Context, channel string, since, acceptedSince time.Time) (valid, invalid int64, err error)
	Now() time.Time
}

// Deps is what a Handler needs.
type Deps struct {
	Live  *config.Live
	Store Store
	// Read reads a callback to a channel row; it is catalog.Receipts.
	Read func(config.Channel, provider.Callback) ([]provider.Receipt, error)
	// Token gives the one form of a vendor's token, in which it is stored; nil leaves tokens as they are.
	Token func(vendor, token string) (string, error)
	// Distrust is told of a channel row whose vendor reports too many tokens dead; nil tells nobody.
	Distrust func(channel, code string)
	Metrics  *metrics.Metrics
	Log      *slog.Logger
}

// Handler serves the receipt URLs. It is safe for concurrent use.
type Handler struct {
	deps Deps
	// unsettled counts dead tokens that the store does not know of yet, by channel row.
	unsettled tally
}

// New makes a Handler.
func New(d Deps) *Handler { return &Handler{deps: d, unsettled: tally{counts: map[string]int64{}}} }

// ServeHTTP implements http.Handler for POST to Path. Nothing of the URL goes to the log.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	doc, _ := h.deps.Live.Current()
	row, ok := rowOf(doc.Document, r.PathValue("secret"))
	if !ok {
		refuse(w, http.StatusNotFound, wire.CodeNotFound, "there is no such method and path; /openapi.yaml lists all")
		return
	}
	if r.Header.Get("Content-Encoding") != "" { // What it becomes has no bound that can be seen before.
		refuse(w, http.StatusUnsupportedMediaType, wire.CodeUnsupportedMediaType, "send the body as it is, without Content-Encoding")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		refuse(w, http.StatusRequestEntityTooLarge, wire.CodeTooLarge, "a callback must be at most 1 MiB")
		return
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, wire.CodeInvalidRequest, "the body could not be read")
		return
	}
	h.answer(w, row, h.take(r, doc.Document, row, body))
}

// rowOf finds the row by the secret of its URL. It compares with all of them, so that time tells nothing.
func rowOf(doc *config.Document, secret string) (row config.Channel, ok bool) {
	for _, c := range doc.Channels {
		if doc.ReceiptSecret(c.Name).Equal(secret) {
			row, ok = c, true
		}
	}
	return row, ok
}

// errMalformed marks the callbacks that sending again does not make better.
var errMalformed = errors.New("malformed")

// take stores what is ours of a callback.
func (h *Handler) take(r *http.Request, doc *config.Document, row config.Channel, body []byte) error {
	now := h.deps.Store.Now()
	read, err := h.deps.Read(row, provider.Callback{Header: r.Header, Body: body, Now: now})
	switch {
	case errors.Is(err, provider.ErrReceiptRefused), errors.Is(err, provider.ErrNoReceipts):
		return err
	case err != nil:
		return fmt.Errorf("%w: %w", errMalformed, err)
	case len(read) > maxReceipts:
		return fmt.Errorf("%w: holds %d receipts, at most %d", errMalformed, len(read), maxReceipts)
	}
	ours := h.correlate(row, read, window(doc, now))
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	release, err := h.judge(ctx, row.Name, ours, now)
	if err != nil {
		return fmt.Errorf("reading the token health: %w", err)
	}
	defer release()
	added, err := h.deps.Store.AddReceipts(ctx, ours)
	if err != nil {
		return fmt.Errorf("storing receipts: %w", err)
	}
	for i, isNew := range added {
		if isNew {
			h.deps.Metrics.Receipts.WithLabelValues(row.Name, row.Vendor, string(ours[i].Event)).Inc()
		}
	}
	return nil
}

func (h *Handler) answer(w http.ResponseWriter, row config.Channel, err error) {
	switch {
	case err == nil:
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, received) // The vendor has hung up.
		return
	case errors.Is(err, provider.ErrNoReceipts):
		refuse(w, http.StatusNotFound, wire.CodeNotFound, "the vendor of this URL reports nothing")
	case errors.Is(err, provider.ErrReceiptRefused):
		refuse(w, http.StatusUnauthorized, wire.CodeUnauthenticated, err.Error())
	case errors.Is(err, errMalformed):
		refuse(w, http.StatusBadRequest, wire.CodeInvalidRequest, "the callback is malformed")
	default:
		w.Header().Set("Retry-After", strconv.Itoa(int(retryAfter.Seconds())))
		refuse(w, http.StatusServiceUnavailable, wire.CodeStoreUnavailable, "the store is in trouble; send the same request again")
	}
	h.deps.Log.Warn("a vendor's callback was not taken", "channel", row.Name, "vendor", row.Vendor, "error", err)
}

func refuse(w http.ResponseWriter, status int, code wire.Code, detail string) {
	(&wire.Problem{Status: status, Code: code, Detail: detail}).Write(w)
}
