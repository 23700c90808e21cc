//go:build e2e

package faults

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/testenv"
)

// sign is what the status of an object tells of a fault.
type sign struct {
	// what is the object, as kubectl names it.
	what      string
	condition string
	status    metav1.ConditionStatus
	reason    string
	// words are in the message: what is wrong, and the cure.
	words []string
}

// conditions are an object's now. The rules of conditions, kstatus and Argo CD hold at any moment.
func (s *space) conditions(what string) ([]metav1.Condition, error) {
	kind, name, _ := strings.Cut(what, "/")
	key := client.ObjectKey{Namespace: s.name, Name: name}
	if kind == "pushchannel" {
		channel := &pushv1.PushChannel{}
		err := s.cluster.Get(s.t.Context(), key, channel)
		return channel.Status.Conditions, errors.Join(err, testenv.CheckStatus(channel))
	}
	app := &pushv1.PushApp{}
	err := s.cluster.Get(s.t.Context(), key, app)
	return app.Status.Conditions, errors.Join(err, testenv.CheckStatus(app))
}

// shown gives the message of a sign, or says what is not there yet.
func (s *space) shown(want sign) (string, error) {
	found, err := s.conditions(want.what)
	if err != nil {
		return "", err
	}
	c := meta.FindStatusCondition(found, want.condition)
	if c == nil || c.Status != want.status || c.Reason != want.reason {
		return "", fmt.Errorf("%s: %s is %+v, not %s, %s", want.what, want.condition, c, want.status, want.reason)
	}
	for _, w := range want.words {
		if !strings.Contains(c.Message, w) {
			return "", fmt.Errorf("%s: the message of %s lacks %q: %s", want.what, want.condition, w, c.Message)
		}
	}
	if meta.IsStatusConditionTrue(found, pushv1.ConditionReady) {
		return "", fmt.Errorf("%s: Ready is True all the same: %+v", want.what, *c)
	}
	return c.Message, nil
}

// tells waits until users can see the sign, and gives the time that it took and the message.
func (s *space) tells(want sign) (took time.Duration, message string) {
	s.t.Helper()
	took = s.until("the status to tell of it", func() (err error) {
		message, err = s.shown(want)
		return err
	})
	// What a pipeline runs must see it too.
	s.wait(want.condition, string(want.status), want.what)
	s.wait(pushv1.ConditionReady, string(metav1.ConditionFalse), want.what)
	return took, message
}

// isReady says why an object is not Ready.
func (s *space) isReady(what string) error {
	found, err := s.conditions(what)
	if err != nil {
		return err
	}
	if c := meta.FindStatusCondition(found, pushv1.ConditionReady); c.Status != metav1.ConditionTrue {
		return fmt.Errorf("%s is %s: %s", what, c.Reason, c.Message)
	}
	return nil
}

// ready waits until nothing is wrong any more.
func (s *space) ready(struck string) time.Duration {
	s.t.Helper()
	objects := []string{struck, theApp}
	for _, name := range channels {
		objects = append(objects, "pushchannel/"+name)
	}
	took := s.until("everything to be Ready again", func() error {
		for _, what := range objects {
			if err := s.isReady(what); err != nil {
				return err
			}
		}
		return nil
	})
	slices.Sort(objects)
	s.wait(pushv1.ConditionReady, string(metav1.ConditionTrue), slices.Compact(objects)...)
	return took
}

// honest holds the app to its word while it is broken: when it says that it is Ready, a push arrives.
func (s *space) honest() {
	s.t.Helper()
	if s.isReady(theApp) == nil {
		s.delivers()
	}
}

// delivers sends a push that arrives.
func (s *space) delivers() {
	s.t.Helper()
	// A node takes up to a second to learn the address of a dispatcher that is Ready.
	s.until("the app to take a message", func() error { return s.send(s.owner) })
	s.shows(s.owner)
}

// limit ends a wait: after what users may have to wait where all faults are measured, and elsewhere, where the node may be busy
// with others, after what is a hang.
func limit() time.Duration {
	if *all {
		return soon
	}
	return settling
}

// until waits for a condition no longer than the limit.
func (s *space) until(what string, holds func() error) time.Duration {
	s.t.Helper()
	began := time.Now()
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for {
		err := holds()
		took := time.Since(began)
		if err == nil {
			return took
		}
		if took > limit() {
			s.t.Fatalf("waited %s for %s: %v", limit(), what, err)
		}
		select {
		case <-again.C:
		case <-s.t.Context().Done():
			s.t.Fatal(s.t.Context().Err())
		}
	}
}
