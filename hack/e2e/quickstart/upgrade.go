package quickstart

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	// absent users have a phone and no session, present ones have both.
	absent, present = 8, 4
	// busy is how many messages are sent in a second; crowded is more than the dispatchers' share of the processors is for.
	busy, crowded = 40, 80
)

// Upgrade is what a platform team does while messages are sent: it replaces dispatchers, drains a node, leaves the number
// of dispatchers to an autoscaler, and upgrades the operator.
type Upgrade struct {
	*World
	// users are all who are sent to; online are the apps of those with a session, by user.
	users   []string
	online  map[string]*app
	arrived *arrivals
	// accepted counts the accepted messages by user; tests, which name them, the periods of sending.
	accepted map[string]int
	tests    int
}

// NewUpgrade begins with Install, on two nodes.
func NewUpgrade(w *World) *Upgrade {
	return &Upgrade{
		World: w, online: map[string]*app{}, accepted: map[string]int{},
		arrived: &arrivals{World: w, phones: map[string]*handset{}, first: map[string]time.Time{}},
	}
}

// Steps are all that is done, in order.
func (u *Upgrade) Steps() []Step {
	prepare := Step{"Twelve users with phones, four of them online", u.register}
	settle := Step{"Every push has come to its end", u.settled}
	if u.Store != Postgres {
		return []Step{prepare, {"The only dispatcher is replaced: nothing is lost, and requests fail for a while", u.interrupt}, settle}
	}
	return []Step{
		{"The dispatchers stand on both nodes", u.spread},
		prepare,
		{"The dispatchers are replaced: no request fails, nothing is lost, nobody online is pushed", u.roll},
		{"A node is drained, one dispatcher after the other", u.drain},
		{"An autoscaler takes over and raises the number of dispatchers", u.autoscale},
		{"The manager is upgraded: no dispatcher notices", u.upgradeManager},
		{"The dispatchers are upgraded", u.upgradeDispatchers},
		settle,
	}
}

// Install installs the quickstart, without the app of another run and all that was changed of it.
func (u *Upgrade) Install(ctx context.Context) error {
	installed, err := u.Kubectl(ctx, "get", "crd/pushapps.offlinepush.io", "--ignore-not-found", "-o", "name")
	if err == nil && installed != "" {
		err = u.do(ctx, []string{"-n", Namespace, "delete", "pushapp/chat", "--ignore-not-found", "--cascade=foreground", "--wait"})
	}
	if err != nil {
		return err
	}
	if err := u.World.Install(ctx); err != nil {
		return err
	}
	// Who is connected is told from who is not, however slow the machine is: the latter are pushed at once.
	return u.acknowledgeWithin(ctx, 30)
}

// acknowledgeWithin changes something that dispatchers load while they run.
func (u *Upgrade) acknowledgeWithin(ctx context.Context, seconds int) error {
	err := u.do(ctx, []string{
		"-n", Namespace, "patch", "pushapp/chat", "--type=merge", "-p", fmt.Sprintf(`{"spec":{"routing":{"ackTimeoutSeconds":%d}}}`, seconds),
	})
	if err == nil {
		err = u.rolled(ctx)
	}
	if err != nil {
		return err
	}
	return u.do(ctx, []string{"-n", Namespace, "wait", "--for=condition=ConfigApplied", "pushapp/chat", "--timeout=180s"})
}

// register buys the phones and opens the sessions.
func (u *Upgrade) register(ctx context.Context) error {
	models := four()
	for i := range absent {
		user := u.user(fmt.Sprintf("absent%d", i))
		h, err := u.newPhone(ctx, models[i%len(models)])
		if err == nil {
			err = u.bind(ctx, h, user)
		}
		if err != nil {
			return err
		}
		u.arrived.phones[user] = h
		u.users = append(u.users, user)
	}
	for i := range present {
		user := u.user(fmt.Sprintf("present%d", i))
		a, err := u.newApp(ctx, models[i%len(models)])
		if err == nil {
			err = a.signIn(ctx, user)
		}
		if err != nil {
			return err
		}
		u.online[user] = a
		u.users = append(u.users, user)
	}
	return nil
}

// Close ends the sessions.
func (u *Upgrade) Close() {
	for _, a := range u.online {
		a.sdk.Close()
	}
}

// leaner is a change of the pod template that makes an autoscaler's share small, too.
const leaner = `{"resources":{"requests":{"cpu":"20m","memory":"256Mi"},"limits":{"memory":"256Mi"}}}`

// roll replaces all dispatchers by a change of their pod template.
func (u *Upgrade) roll(ctx context.Context) error {
	before, err := u.running(ctx)
	if err != nil {
		return err
	}
	n, err := u.watched(ctx, Namespace, dispatcherDeployment, busy, func(ctx context.Context) error { return u.change(ctx, leaner) })
	if err != nil {
		return err
	}
	after, err := u.running(ctx)
	if err != nil {
		return err
	}
	if old := common(before, after); len(old) > 0 {
		return fmt.Errorf("%v were not replaced", old)
	}
	if n.leastAvailable < len(before) {
		return fmt.Errorf("%d of %d dispatchers were available for a while", n.leastAvailable, len(before))
	}
	return u.bothNodes(after)
}

// interrupt replaces the only dispatcher of a SQLite store and measures for how long none answers.
func (u *Upgrade) interrupt(ctx context.Context) error {
	d := u.newDemand(busy)
	d.patient = true
	err := d.during(ctx, func(ctx context.Context) error {
		if err := u.change(ctx, leaner); err != nil {
			return err
		}
		return await(ctx, "requests to be answered again", d.answeredSince(time.Now()))
	})
	if err != nil {
		return err
	}
	u.Say("    no request was answered for %.1fs; each was repeated until it was", d.gap.Seconds())
	return u.quiet(ctx)
}

// change patches the app's dispatchers and waits until they are so.
func (u *Upgrade) change(ctx context.Context, dispatcher string) error {
	err := u.do(ctx, []string{"-n", Namespace, "patch", "pushapp/chat", "--type=merge", "-p", `{"spec":{"dispatcher":` + dispatcher + `}}`})
	if err != nil {
		return err
	}
	return u.rolled(ctx)
}

// rolled waits until the app's spec is applied, its dispatchers are as it says, and those of before are gone.
func (u *Upgrade) rolled(ctx context.Context) error {
	err := await(ctx, "the operator to see the app's spec", func(ctx context.Context) error {
		got, err := u.Kubectl(ctx, "-n", Namespace, "get", "pushapp/chat", "-o", "jsonpath={.metadata.generation} {.status.observedGeneration}")
		if err != nil {
			return err
		}
		if f := strings.Fields(got); len(f) != 2 || f[0] != f[1] {
			return fmt.Errorf("%w: generation and observed generation are %s", errNotYet, got)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := u.Kubectl(ctx, "-n", Namespace, "rollout", "status", dispatcherDeployment, "--timeout=180s"); err != nil {
		return err
	}
	return await(ctx, "the former dispatchers to end", func(ctx context.Context) error {
		wanted, err := u.field(ctx, dispatcherDeployment, ".spec.replicas")
		if err != nil {
			return err
		}
		pods, err := u.Kubectl(ctx, "-n", Namespace, "get", "pods", "-l", dispatchers, "-o", "name")
		if n := len(strings.Fields(pods)); err == nil && fmt.Sprint(n) != wanted {
			err = fmt.Errorf("%w: there are %d of %s", errNotYet, n, wanted)
		}
		return err
	})
}

// common are the names of pods that are in both lists.
func common(before, after []pod) (names []string) {
	for _, p := range before {
		if slices.ContainsFunc(after, func(other pod) bool { return other.uid == p.uid }) {
			names = append(names, p.name)
		}
	}
	return names
}

// bothNodes wants the dispatchers on two nodes.
func (u *Upgrade) bothNodes(pods []pod) error {
	on := map[string]int{}
	for _, p := range pods {
		on[p.node]++
	}
	u.Say("    dispatchers by node: %v", on)
	if len(on) < 2 {
		return errors.New("the dispatchers stand on one node")
	}
	return nil
}
