package pushapp

import (
	"errors"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/controllers/render"
)

// outcome is what a pass found out; write turns it into the status.
type outcome struct {
	rows     []row
	observed observed
	// hash is that of the rendered configuration; empty when nothing was rendered.
	hash string
	// bound is the number of apps that may roll out at a time while this one waits for its turn; 0 when it does not wait.
	bound int
	// certificate is the one that was rendered; zero without exposure.tls, and when nothing was rendered.
	certificate serving
	// volume says why the volume does not get the size that is asked for; nil when it does.
	volume error
	// trouble kept the configuration from being rendered and applied, or something in it from being what the spec asks for.
	trouble error
	// complete says that the pass looked at everything; otherwise the status keeps what the one before saw, and speaks of
	// the generation that it saw.
	complete bool
}

// again is the time until the next pass if nothing happens.
func (p outcome) again() time.Duration {
	if p.trouble != nil || slices.ContainsFunc(p.rows, func(r row) bool { return r.trouble != nil }) {
		return retry
	}
	if left := time.Until(p.certificate.ends); left > 0 {
		return min(left, resync)
	}
	return resync
}

// premature reports whether nobody asked the dispatchers yet since the manager began. What another manager saw before holds
// until then: a restart says nothing of an app.
func (p outcome) premature(status pushv1.PushAppStatus) bool {
	return p.complete && p.observed.unasked && status.ObservedGeneration > 0
}

func (p outcome) write(app *pushv1.PushApp) {
	status := &app.Status
	if p.premature(*status) {
		return
	}
	if p.hash != "" {
		status.ConfigHash = p.hash
	}
	if p.complete || status.ObservedGeneration < 1 {
		status.ObservedGeneration = app.Generation
	}
	if !p.complete {
		facts := condition.Former(status.Conditions,
			pushv1.ConditionChannelsReady, pushv1.ConditionStoreReady, pushv1.ConditionDispatcherAvailable)
		facts = slices.Insert(facts, 0, condition.FromError(pushv1.ConditionConfigApplied, p.trouble))
		condition.Set(&status.Conditions, status.ObservedGeneration, condition.Ready(facts), facts)
		return
	}
	states := make([]rowState, 0, len(p.rows))
	for _, r := range p.rows {
		states = append(states, stateOf(r, p.observed))
	}
	desired := p.observed.desired(app)
	config, store := p.certificate.warn(configApplied(status.ConfigHash, p.observed), time.Now()), storeReady(app, p.observed)
	if p.trouble != nil {
		config = condition.FromError(pushv1.ConditionConfigApplied, p.trouble)
	}
	if trouble, ok := errors.AsType[storeError](p.trouble); ok && condition.Transient(trouble) == nil {
		store = condition.FromError(pushv1.ConditionStoreReady, trouble)
	}
	available := dispatcherAvailable(desired, p.observed)
	if p.bound > 0 {
		available = upgradePending(available, p.bound)
	}
	facts := []condition.Fact{channelsReady(states), config, store, available}
	condition.Set(&status.Conditions, app.Generation, condition.Ready(causesFirst(facts)), facts)
	status.Channels = channelRows(states)
	status.Endpoints = endpoints(app)
	status.Dispatchers = &pushv1.DispatcherCount{Desired: new(desired), Ready: new(p.observed.ready())}
	status.Summary = summary(status)
}

// causesFirst puts what keeps dispatchers from running before what they therefore do not do, so that Ready names the cause: not
// that no dispatcher loads the configuration, but that no node gets the image.
func causesFirst(facts []condition.Fact) []condition.Fact {
	ordered := slices.Clone(facts)
	slices.SortStableFunc(ordered, func(a, b condition.Fact) int { return rankOfCause(a) - rankOfCause(b) })
	return ordered
}

func rankOfCause(f condition.Fact) int {
	switch {
	case f.Type == pushv1.ConditionChannelsReady:
		return 0
	case f.Type == pushv1.ConditionDispatcherAvailable && f.Reason != pushv1.ReasonRollingOut:
		return 1
	}
	return 2
}

func channelRows(states []rowState) []pushv1.AppChannelStatus {
	rows := make([]pushv1.AppChannelStatus, 0, len(states))
	for _, s := range states {
		rows = append(rows, pushv1.AppChannelStatus{
			Name: s.row.spec.Name, Vendor: s.vendor(), Ready: s.fact.Status, Reason: s.fact.Reason, Message: s.fact.Message,
		})
	}
	return rows
}

// endpoints are the addresses of the app's Services, and the one from outside when there is one.
func endpoints(app *pushv1.PushApp) []pushv1.AppEndpoint {
	n := render.NamesOf(app.Name)
	inside := func(service string) string {
		return fmt.Sprintf("%s://%s.%s.svc", render.Scheme(app), service, app.Namespace)
	}
	out := []pushv1.AppEndpoint{
		{Name: pushv1.EndpointDevice, URL: inside(n.Device)},
		{Name: pushv1.EndpointServer, URL: inside(n.Server)},
	}
	if url := app.Spec.Exposure.ExternalURL; url != "" {
		out = append(out, pushv1.AppEndpoint{Name: pushv1.EndpointExternal, URL: string(url)})
	}
	return out
}

// summary is what kubectl get prints.
func summary(status *pushv1.PushAppStatus) *pushv1.AppSummary {
	ready := 0
	for _, row := range status.Channels {
		if row.Ready == metav1.ConditionTrue {
			ready++
		}
	}
	endpoint := status.Endpoints[0].URL
	for _, e := range status.Endpoints {
		if e.Name == pushv1.EndpointExternal {
			endpoint = e.URL
		}
	}
	return &pushv1.AppSummary{
		Channels:    fmt.Sprintf("%d/%d", ready, len(status.Channels)),
		Dispatchers: fmt.Sprintf("%d/%d", *status.Dispatchers.Ready, *status.Dispatchers.Desired),
		Endpoint:    endpoint,
	}
}
