//go:build e2e

package faults

import (
	"fmt"
	"net/http"
	"time"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/simulator"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// handset is a phone with a user who was logged in and is offline.
type handset struct {
	id, user string
	seen     int64
}

// oneTry is an HTTP client that takes no connection twice: the old one may lead to a pod that is gone.
func oneTry() *http.Client {
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
}

// phone buys a phone of the vendor for a user of its own, who receives a first message.
func (s *space) phone(vendor string) *handset {
	s.t.Helper()
	model := map[string]wire.RegisterDevice{
		"xiaomi": {Vendor: "Xiaomi", Platform: "Android", Region: "China"},
		"fcm":    {Vendor: "FCM", Platform: "Android"},
		"apns":   {Vendor: "APNs", Platform: "iPhoneOS"},
	}[vendor]
	app := map[string]string{"xiaomi": packageName, "fcm": "quickstart-chat", "apns": packageName}[vendor]
	made, err := s.vendors.CreatePhone(s.t.Context(), simulator.NewPhone{Vendor: vendor, App: app})
	s.must(err)
	model.Token = made.Token
	h := &handset{id: made.ID, user: "owner-" + made.ID}
	s.until("the phone to be registered and bound", func() error {
		device, err := client.Register(s.t.Context(), s.device, registrationKey, model, oneTry())
		if err != nil {
			return err
		}
		return s.backend.Bind(s.t.Context(), device.Credentials.PushID, h.user)
	})
	s.must(s.send(h))
	s.shows(h)
	return h
}

// send sends a message to the phone's user.
func (s *space) send(h *handset) error {
	s.sent++
	_, err := s.backend.Send(s.t.Context(), wire.SendMessage{
		ClientID: fmt.Sprintf("%s-%d", s.name, s.sent), From: "alice", To: []string{h.user}, Body: "hello",
		Push: &wire.Push{Title: "Hello", Content: "Are you there?", ResourcesID: "im"},
	})
	return err
}

// shows waits until the phone shows something new.
func (s *space) shows(h *handset) {
	s.t.Helper()
	arrivals, err := s.vendors.Notifications(s.t.Context(), h.id, h.seen, soon)
	s.must(err)
	if len(arrivals) == 0 {
		s.t.Fatalf("the phone of %s showed nothing within %s", h.user, soon)
	}
	h.seen = arrivals[len(arrivals)-1].Seq
}
