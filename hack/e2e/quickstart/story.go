package quickstart

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// Story is what happens between two users, their phones and two vendors.
type Story struct {
	*World
	bob, carol string
	fcm, mi    *handset // both bob's
	third      *handset // carol's
}

// Step is a part of the story.
type Step struct {
	Title string
	Run   func(context.Context) error
}

// NewStory begins after Install or Connect.
func NewStory(w *World) *Story {
	return &Story{World: w, bob: w.user("bob"), carol: w.user("carol")}
}

// Steps are the whole story in order.
func (s *Story) Steps() []Step {
	steps := []Step{
		{"Three phones register and log in", s.register},
		{"Bob is offline with two phones: both vendors deliver", s.offline},
		{"Dana is offline with ten phones, one of each vendor: one message reaches all", s.tenPhones},
		{"A PushTest shows what each hop of Dana's phones answers", s.pushTest},
		{"Carol is online: she gets the message and no push", s.online},
		{"Bob logs in and receives what was stored", s.stored},
		{"What kubectl shows", s.look},
		{"Xiaomi revokes the secret: the channel says so, FCM still delivers, the message is kept", s.revoke},
		{"The Secret is rotated: Ready again, no pod restarted, the kept message arrives", s.rotate},
	}
	if s.Store == Postgres {
		steps = append(steps,
			Step{"What one dispatcher accepts reaches the session at another", s.across},
			Step{"One of three dispatchers is killed during a send: every message arrives", s.takeover})
	}
	return steps
}

func (s *Story) register(ctx context.Context) (err error) {
	for _, p := range []struct {
		handset **handset
		model   model
		user    string
	}{{&s.fcm, android, s.bob}, {&s.mi, xiaomi, s.bob}, {&s.third, android, s.carol}} {
		if *p.handset, err = s.newPhone(ctx, p.model); err != nil {
			return err
		}
		if err := s.bind(ctx, *p.handset, p.user); err != nil {
			return err
		}
	}
	return nil
}

// send sends to one user and tells the API's answer.
func (s *Story) send(ctx context.Context, to, title string) (wire.Sent, error) {
	return s.sendBy(ctx, s.backend, to, title)
}

func (s *Story) sendBy(ctx context.Context, backend *client.Server, to, title string) (wire.Sent, error) {
	sent, err := backend.Send(ctx, s.message(to, title, chat))
	if err != nil {
		return sent, fmt.Errorf("sending to %s: %w", to, err)
	}
	answer, err := json.Marshal(sent)
	if err != nil {
		return sent, err
	}
	s.Say("    POST /v1/messages to %s: %s", to, answer)
	return sent, nil
}

func (w *World) message(to, title, payload string) wire.SendMessage {
	return wire.SendMessage{
		ClientID: fmt.Sprintf("%s-%d", w.run, time.Now().UnixNano()), From: w.user("alice"), To: []string{to}, Body: "the chat body of: " + title,
		Push: &wire.Push{Title: title, Content: content, Payload: payload, ResourcesID: "im"},
	}
}

func (s *Story) offline(ctx context.Context) error {
	sent, err := s.send(ctx, s.bob, "Alice wrote to Bob")
	if err != nil {
		return err
	}
	for _, h := range []*handset{s.fcm, s.mi} {
		if err := s.showsMessage(ctx, h, "Alice wrote to Bob"); err != nil {
			return err
		}
	}
	return s.handed(ctx, sent.MessageID)
}

// session opens a session and gives the messages that it receives.
func (s *Story) session(ctx context.Context, device *client.Device, userID string) (*client.Session, <-chan wire.Message, error) {
	token, err := s.login.token(userID)
	if err != nil {
		return nil, nil, err
	}
	messages := make(chan wire.Message, 16)
	session, err := device.Open(ctx, client.Login{UserToken: token, OnMessage: func(m wire.Message) error {
		messages <- m
		return nil
	}})
	if err != nil {
		return nil, nil, fmt.Errorf("opening a session for %s: %w", userID, err)
	}
	return session, messages, nil
}

func (s *Story) receive(ctx context.Context, user string, messages <-chan wire.Message) error {
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	select {
	case m := <-messages:
		s.Say("    %s receives over the session: seq %d, %q", user, m.Seq, m.Body)
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s received nothing over the session within %s", user, soon)
	}
}

func (s *Story) online(ctx context.Context) error {
	session, messages, err := s.session(ctx, s.third.device, s.carol)
	if err != nil {
		return err
	}
	defer session.Close()
	sent, err := s.send(ctx, s.carol, "Alice wrote to Carol")
	if err != nil {
		return err
	}
	if err := s.receive(ctx, "carol", messages); err != nil {
		return err
	}
	err = await(ctx, "the push to be cancelled", func(ctx context.Context) error {
		trace, err := s.backend.Trace(ctx, sent.MessageID)
		if err != nil {
			return err
		}
		d := trace.Devices[0]
		if d.State != "Cancelled" || d.Reason != "Acked" {
			return fmt.Errorf("%w: it is %s %s", errNotYet, d.State, d.Reason)
		}
		s.Say("    her push: %s, because %s", d.State, d.Reason)
		return nil
	})
	if err != nil {
		return err
	}
	return s.showedNothing(ctx, s.third)
}

func (s *Story) stored(ctx context.Context) error {
	session, messages, err := s.session(ctx, s.fcm.device, s.bob)
	if err != nil {
		return err
	}
	defer session.Close()
	return s.receive(ctx, "bob", messages)
}

func (s *Story) look(ctx context.Context) error {
	return s.Show(ctx, "-n", Namespace, "get", "pushchannels,pushapps")
}
