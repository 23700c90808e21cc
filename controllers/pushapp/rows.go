package pushapp

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/controllers/reference"
	"github.com/offlinepush/operator/controllers/render"
	"github.com/offlinepush/operator/dispatcher/config"
)

// row is a channel row with what was found of it.
type row struct {
	spec    pushv1.AppChannel
	channel *pushv1.PushChannel
	// config is nil when the row is left out.
	config *render.Row
	// trouble says why the row cannot deliver, nil when nothing here is in its way.
	trouble error
}

// rendered are the rows that go into the configuration.
func rendered(rows []row) []render.Row {
	var out []render.Row
	for _, r := range rows {
		if r.config != nil {
			out = append(out, *r.config)
		}
	}
	return out
}

// resolveRows finds the channels of an app. Trouble of one row leaves the others alone.
func (r *Reconciler) resolveRows(ctx context.Context, app *pushv1.PushApp) ([]row, error) {
	rows := make([]row, 0, len(app.Spec.Channels))
	for _, spec := range app.Spec.Channels {
		found := row{spec: spec}
		if err := r.resolveRow(ctx, app, &found); condition.Transient(err) != nil {
			return nil, fmt.Errorf("channel %s: %w", spec.Name, err)
		} else if err != nil {
			found.trouble = err
		}
		rows = append(rows, found)
	}
	markAmbiguous(rows)
	return rows, nil
}

func (r *Reconciler) resolveRow(ctx context.Context, app *pushv1.PushApp, found *row) error {
	name := reference.Channel(app, found.spec)
	channel, err := r.channel(ctx, name)
	if err != nil {
		return err
	}
	if err := r.consent(ctx, app, channel); err != nil {
		return err
	}
	found.channel = channel
	shares, err := r.shares(ctx, channel)
	if err != nil {
		return err
	}
	accepted, err := r.accepted(ctx, channel)
	if err != nil {
		return err
	}
	found.config = &render.Row{
		Name: found.spec.Name, AppType: found.spec.AppType, Accepted: accepted,
		Limits:    render.Limits(channel.Spec, found.spec.Share, shares),
		Suspended: channel.Spec.Suspend != nil && *channel.Spec.Suspend,
	}
	if found.config.Suspended {
		return condition.Waiting(pushv1.ReasonSuspended, "PushChannel %s is suspended", name)
	}
	if accepted.Credential().IsZero() {
		found.config.Suspended = true
		return condition.Waiting(pushv1.ReasonChannelNotReady,
			"PushChannel %s has no accepted credential yet, pushes wait: %s", name, readyMessage(channel))
	}
	return nil
}

func (r *Reconciler) channel(ctx context.Context, name types.NamespacedName) (*pushv1.PushChannel, error) {
	if len(r.Namespaces) > 0 && !slices.Contains(r.Namespaces, name.Namespace) {
		return nil, condition.Waiting(pushv1.ReasonChannelNotFound,
			"PushChannel %s is in a namespace that the manager does not watch: add it to --namespaces, and bind ClusterRole offlinepush-manager there", name)
	}
	channel := &pushv1.PushChannel{}
	err := r.Client.Get(ctx, name, channel)
	if apierrors.IsNotFound(err) {
		return nil, condition.Waiting(pushv1.ReasonChannelNotFound, "PushChannel %s does not exist: create it", name)
	}
	if err != nil {
		return nil, fmt.Errorf("reading PushChannel %s: %w", name, err)
	}
	return channel, nil
}

// accepted reads the channel with the credential that the vendor accepted last; without one, the channel has no credential
// and no endpoint.
func (r *Reconciler) accepted(ctx context.Context, channel *pushv1.PushChannel) (config.Channel, error) {
	name := render.AcceptedName(channel.Name)
	none := render.Channel(channel.Spec, nil, "")
	none.Endpoint = config.Endpoint{}
	var secret corev1.Secret
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: channel.Namespace, Name: name}, &secret)
	if apierrors.IsNotFound(err) {
		return none, nil
	}
	if err != nil {
		return none, fmt.Errorf("reading Secret %s of PushChannel %s: %w", name, channel.Name, err)
	}
	decoded, err := render.DecodeChannel(secret.Data[render.AcceptedKey])
	if err != nil || secret.Labels[render.ChannelLabel] != channel.Name || decoded.Vendor != string(channel.Spec.Vendor) {
		return none, nil //nolint:nilerr // A damaged or foreign Secret is no credential; the channel's controller says so.
	}
	return decoded, nil
}

// shares sums the shares of all rows of all apps that the channel lets in.
func (r *Reconciler) shares(ctx context.Context, channel *pushv1.PushChannel) (int32, error) {
	name := client.ObjectKeyFromObject(channel)
	apps, err := reference.AppsOf(ctx, r.Client, name)
	if err != nil {
		return 0, err
	}
	sum := int32(0)
	for i := range apps {
		if err := r.consent(ctx, &apps[i], channel); err != nil {
			if condition.Transient(err) != nil && !apierrors.IsNotFound(err) {
				return 0, err
			}
			continue
		}
		for _, spec := range apps[i].Spec.Channels {
			if reference.Channel(&apps[i], spec) == name {
				sum += spec.Share
			}
		}
	}
	return sum, nil
}

// markAmbiguous finds rows that fit the same phones. They stay in the configuration, so that a trace of a message says why.
func markAmbiguous(rows []row) {
	first := map[string]int{}
	for i, r := range rows {
		if r.config == nil {
			continue
		}
		phones := phonesOf(r)
		j, taken := first[phones]
		if !taken {
			first[phones] = i
			continue
		}
		rows[i].trouble = ambiguous(rows[j], phones)
		rows[j].trouble = ambiguous(rows[i], phones)
	}
}

func ambiguous(other row, phones string) error {
	return condition.Terminal(pushv1.ReasonAmbiguousChannel,
		"channel %s serves the same phones (%s): remove one or give it another appType", other.spec.Name, phones)
}

// phonesOf says which phones a row serves.
func phonesOf(r row) string {
	parts := []string{string(r.channel.Spec.Vendor), fmt.Sprintf("appType %d", r.spec.AppType)}
	region, environment := r.config.Accepted.Place()
	if region != "" {
		parts = append(parts, "region "+region)
	}
	if environment != "" {
		parts = append(parts, "environment "+environment)
	}
	return strings.Join(parts, ", ")
}

func readyMessage(channel *pushv1.PushChannel) string {
	ready := meta.FindStatusCondition(channel.Status.Conditions, pushv1.ConditionReady)
	if ready == nil {
		return "waiting for the controller"
	}
	return ready.Message
}
