package quickstart

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kstatus "sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

// pushTest asks every hop of Dana's ten phones, as support staff would.
func (s *Story) pushTest(ctx context.Context) error {
	name := "hello-" + s.run
	if err := s.makePushTest(ctx, name, "chat", "userID: "+s.user("dana")); err != nil {
		return err
	}
	if err := s.Show(ctx, "-n", Namespace, "wait", "pushtest/"+name, "--for=condition=Complete", "--timeout=180s"); err != nil {
		return err
	}
	if err := s.Show(ctx, "-n", Namespace, "get", "pushtest/"+name); err != nil {
		return err
	}
	const hops = `jsonpath={range .status.devices[*]}{.vendor}: dispatcher {.dispatcher.status}, vendor {.push.status} {.push.code} {.push.messageID}{"\n"}{end}`
	if err := s.Show(ctx, "-n", Namespace, "get", "pushtest/"+name, "-o", hops); err != nil {
		return err
	}
	return s.agrees(ctx, "pushtest/"+name, kstatus.CurrentStatus)
}

// makePushTest applies a PushTest for an app, with lines of its spec such as "userID: bob".
func (s *Story) makePushTest(ctx context.Context, name, app string, lines ...string) error {
	s.Say("    $ kubectl -n %s apply --server-side -f -   # PushTest %s: app: %s, %s", Namespace, name, app, strings.Join(lines, ", "))
	return s.apply(ctx, fmt.Sprintf(`apiVersion: offlinepush.io/v1alpha1
kind: PushTest
metadata:
  name: %s
  namespace: %s
spec:
  app: %s
  title: A test
  content: of every hop
  %s
`, name, Namespace, app, strings.Join(lines, "\n  ")))
}

// ending is what a PushTest shall come to.
type ending struct {
	condition, reason, words string
	status                   kstatus.Status
}

// troubledPushTests are those that fail, or wait, with a reason that says what to cure.
func (s *Story) troubledPushTests(ctx context.Context) error {
	bob := "userID: " + s.bob
	if err := s.idleApp(ctx); err != nil {
		return err
	}
	for _, tt := range []struct {
		name, app string
		lines     []string
		ending    ending
	}{
		{"nobody", "chat", []string{"pushID: no-such-phone"}, ending{"Failed", "UnknownPushID", "pushID", kstatus.FailedStatus}},
		{"phoneless", "chat", []string{"userID: nobody-at-all"}, ending{"Failed", "UserWithoutDevices", "", kstatus.FailedStatus}},
		{"profileless", "chat", []string{bob, "resourcesID: no-such-profile"}, ending{"Failed", "UnknownResourcesID", "", kstatus.FailedStatus}},
		{"appless", "no-such-app", []string{bob}, ending{"Reconciling", "AppNotFound", "no-such-app", kstatus.InProgressStatus}},
		{"podless", "idle", []string{bob}, ending{"Reconciling", "DispatcherUnreachable", "", kstatus.InProgressStatus}},
	} {
		name := tt.name + "-" + s.run
		if err := s.makePushTest(ctx, name, tt.app, tt.lines...); err != nil {
			return err
		}
		if err := s.endsAs(ctx, name, tt.ending); err != nil {
			return err
		}
	}
	if _, err := s.Kubectl(ctx, "-n", Namespace, "delete", "pushapp/idle", "pushtest/appless-"+s.run, "pushtest/podless-"+s.run); err != nil {
		return err
	}
	if err := s.suspendedPushTest(ctx); err != nil {
		return err
	}
	return s.pushTestsInARow(ctx)
}

// pushTestsInARow are two for one phone: one of them waits, and says so, and both end well.
func (s *Story) pushTestsInARow(ctx context.Context) error {
	phone := "pushID: " + s.third.device.Credentials.PushID
	for _, name := range []string{"first-" + s.run, "second-" + s.run} {
		if err := s.makePushTest(ctx, name, "chat", phone); err != nil {
			return err
		}
	}
	for _, name := range []string{"first-" + s.run, "second-" + s.run} {
		if err := s.endsAs(ctx, name, ending{"Complete", "Pushed", "", kstatus.CurrentStatus}); err != nil {
			return err
		}
	}
	return await(ctx, "an event that tells of the wait", func(ctx context.Context) error {
		told, err := s.Kubectl(ctx, "-n", Namespace, "get", "events.events.k8s.io", "-o",
			`jsonpath={range .items[?(@.reason=="TooSoon")]}{.regarding.name}: {.note}{"\n"}{end}`)
		if err != nil {
			return err
		}
		if !strings.Contains(told, "-"+s.run+": ") {
			return fmt.Errorf("%w: told is %q", errNotYet, told)
		}
		s.Say("    %s", told)
		return nil
	})
}

// idleApp is an app whose dispatcher finds no node.
func (s *Story) idleApp(ctx context.Context) error {
	return s.apply(ctx, `apiVersion: offlinepush.io/v1alpha1
kind: PushApp
metadata:
  name: idle
  namespace: `+Namespace+`
spec:
  appID: idle
  channels: [{name: fcm, channelRef: {name: fcm}}]
  auth:
    serverKeysSecretRef: {name: chat-server-keys}
    registrationKeysSecretRef: {name: chat-registration-keys}
  store: {sqlite: {size: 64Mi, retention: Delete}}
  dispatcher: {nodeSelector: {quickstart.example/no-such-node: here}}
`)
}

// suspendedPushTest is told that the phone's channel is suspended.
func (s *Story) suspendedPushTest(ctx context.Context) error {
	suspend := func(value string) error {
		_, err := s.Kubectl(ctx, "-n", Namespace, "patch", "pushchannel/meizu", "--type=merge", "-p", `{"spec":{"suspend":`+value+`}}`)
		return err
	}
	if err := suspend("true"); err != nil {
		return err
	}
	err := await(ctx, "the dispatcher to know of the suspension", func(ctx context.Context) error {
		row, err := s.field(ctx, "pushapp/chat", `.status.channels[?(@.name=="meizu")].reason`)
		if err != nil {
			return err
		}
		applied, err := s.field(ctx, "pushapp/chat", `.status.conditions[?(@.type=="ConfigApplied")].status`)
		if err != nil || row != "Suspended" || applied != "True" {
			return fmt.Errorf("%w: the row says %s, ConfigApplied is %s, %w", errNotYet, row, applied, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	name := "suspended-" + s.run
	if err := s.makePushTest(ctx, name, "chat", "userID: "+s.user("dana")); err != nil {
		return err
	}
	if err := s.endsAs(ctx, name, ending{"Failed", "DispatcherRefused", "ChannelSuspended", kstatus.FailedStatus}); err != nil {
		return err
	}
	return suspend("null")
}

// endsAs waits until a PushTest has the condition, and holds what it says, and what kstatus makes of it, to the rest.
func (s *Story) endsAs(ctx context.Context, name string, want ending) error {
	object := "pushtest/" + name
	if _, err := s.Kubectl(ctx, "-n", Namespace, "wait", object, "--for=condition="+want.condition, "--timeout=180s"); err != nil {
		return err
	}
	err := await(ctx, object+" to say "+want.reason, func(ctx context.Context) error {
		reason, err := s.field(ctx, object, `.status.conditions[?(@.type=="Ready")].reason`)
		if err != nil {
			return err
		}
		message, err := s.field(ctx, object, `.status.conditions[?(@.type=="Ready")].message`)
		if err != nil {
			return err
		}
		if reason != want.reason || !strings.Contains(message, want.words) {
			return fmt.Errorf("%w: it says %s: %s", errNotYet, reason, message)
		}
		s.Say("    %s: %s: %s", name, reason, message)
		return nil
	})
	if err != nil {
		return err
	}
	return s.agrees(ctx, object, want.status)
}

// agrees holds an object to what kstatus, and so Flux, makes of it.
func (s *Story) agrees(ctx context.Context, object string, want kstatus.Status) error {
	text, err := s.Kubectl(ctx, "-n", Namespace, "get", object, "-o", "json")
	if err != nil {
		return err
	}
	var u unstructured.Unstructured
	if err := u.UnmarshalJSON([]byte(text)); err != nil {
		return fmt.Errorf("reading %s: %w", object, err)
	}
	got, err := kstatus.Compute(&u)
	if err != nil {
		return fmt.Errorf("asking kstatus of %s: %w", object, err)
	}
	if got.Status != want {
		return fmt.Errorf("kstatus calls %s %s: %s; want %s", object, got.Status, got.Message, want)
	}
	return nil
}
