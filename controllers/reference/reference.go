// Package reference knows which objects refer to which: the field indexes over
// references, and the names under which they are asked.
package reference

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/render"
)

// Fields that can be asked with client.MatchingFields.
const (
	// ChannelSecret finds PushChannels by the name of a Secret in their namespace that they refer to or need for themselves.
	ChannelSecret = "offlinepush.io/channel-secret"
	// ChannelConfigMap finds PushChannels by the name of a ConfigMap in their namespace.
	ChannelConfigMap = "offlinepush.io/channel-configmap"
	// AppSecret finds PushApps by the name of a Secret in their namespace that they refer to or need for themselves.
	AppSecret = "offlinepush.io/app-secret"
	// AppChannel finds PushApps by the namespace/name of a PushChannel.
	AppChannel = "offlinepush.io/app-channel"
	// TestApp finds PushTests by the name of a PushApp in their namespace.
	TestApp = "offlinepush.io/test-app"
	// MadeFor finds what the manager made by the name of the PushApp that it was made for.
	MadeFor = "offlinepush.io/made-for"
)

// AddIndexes registers every index. It is called once for each manager.
func AddIndexes(ctx context.Context, indexer client.FieldIndexer) error {
	type fieldIndex struct {
		object client.Object
		field  string
		values client.IndexerFunc
	}
	indexes := []fieldIndex{
		{&pushv1.PushChannel{}, ChannelSecret, channelSecrets},
		{&pushv1.PushChannel{}, ChannelConfigMap, channelConfigMaps},
		{&pushv1.PushApp{}, AppSecret, appSecrets},
		{&pushv1.PushApp{}, AppChannel, appChannels},
		{&pushv1.PushTest{}, TestApp, testApp},
	}
	for _, object := range []client.Object{
		&corev1.Pod{}, &corev1.Service{}, &corev1.ServiceAccount{}, &appsv1.Deployment{},
		&policyv1.PodDisruptionBudget{}, &autoscalingv2.HorizontalPodAutoscaler{},
	} {
		indexes = append(indexes, fieldIndex{object, MadeFor, madeFor})
	}
	for _, index := range indexes {
		if err := indexer.IndexField(ctx, index.object, index.field, index.values); err != nil {
			return fmt.Errorf("adding index %s: %w", index.field, err)
		}
	}
	return nil
}

// Channel is the PushChannel that a row refers to; without a namespace it is in the app's own.
func Channel(app *pushv1.PushApp, row pushv1.AppChannel) types.NamespacedName {
	key := types.NamespacedName{Namespace: app.Namespace, Name: string(row.ChannelRef.Name)}
	if row.ChannelRef.Namespace != "" {
		key.Namespace = string(row.ChannelRef.Namespace)
	}
	return key
}

// AppsOf lists the PushApps that refer to a PushChannel, in every namespace that is watched. They are the cache's own, because
// a channel may have a thousand: nobody may change them.
func AppsOf(ctx context.Context, reader client.Reader, channel types.NamespacedName) ([]pushv1.PushApp, error) {
	var list pushv1.PushAppList
	if err := reader.List(ctx, &list, client.MatchingFields{AppChannel: channel.String()}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing the PushApps of PushChannel %s: %w", channel, err)
	}
	return list.Items, nil
}

// Secrets are those that any PushChannel or PushApp refers to or needs for itself, in every namespace that is watched.
func Secrets(ctx context.Context, reader client.Reader) (map[types.NamespacedName]bool, error) {
	names := map[types.NamespacedName]bool{}
	for list, namesOf := range map[client.ObjectList]client.IndexerFunc{
		&pushv1.PushChannelList{}: channelSecrets, &pushv1.PushAppList{}: appSecrets,
	} {
		if err := reader.List(ctx, list); err != nil {
			return nil, fmt.Errorf("listing what refers to Secrets: %w", err)
		}
		err := meta.EachListItem(list, func(item runtime.Object) error {
			object := item.(client.Object) //nolint:forcetypeassert // All that has a list is one.
			for _, name := range namesOf(object) {
				names[types.NamespacedName{Namespace: object.GetNamespace(), Name: name}] = true
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("listing what refers to Secrets: %w", err)
		}
	}
	return names, nil
}

func channelSecrets(object client.Object) []string {
	channel, ok := object.(*pushv1.PushChannel)
	if !ok {
		return nil
	}
	names := []string{string(channel.Spec.Credentials.SecretRef.Name), render.AcceptedName(channel.Name)}
	if next := channel.Spec.Credentials.NextSecretRef; next != nil {
		names = append(names, string(next.Name))
	}
	return names
}

func channelConfigMaps(object client.Object) []string {
	channel, ok := object.(*pushv1.PushChannel)
	if !ok || channel.Spec.Endpoint == nil || channel.Spec.Endpoint.CABundleRef == nil {
		return nil
	}
	return []string{string(channel.Spec.Endpoint.CABundleRef.Name)}
}

func appSecrets(object client.Object) []string {
	app, ok := object.(*pushv1.PushApp)
	if !ok {
		return nil
	}
	auth := app.Spec.Auth
	own := render.NamesOf(app.Name)
	names := []string{string(auth.ServerKeysSecretRef.Name), string(auth.RegistrationKeysSecretRef.Name), own.Dispatcher, own.Keys}
	if auth.DeviceJWT != nil && auth.DeviceJWT.KeysSecretRef != nil {
		names = append(names, string(auth.DeviceJWT.KeysSecretRef.Name))
	}
	if callback := app.Spec.Callback; callback != nil {
		names = append(names, string(callback.KeySecretRef.Name))
	}
	if tls := app.Spec.Exposure.TLS; tls != nil {
		names = append(names, string(tls.SecretRef.Name))
	}
	if store := app.Spec.Store.Postgres; store != nil {
		names = append(names, string(store.SecretRef.Name))
	}
	return names
}

func appChannels(object client.Object) []string {
	app, ok := object.(*pushv1.PushApp)
	if !ok {
		return nil
	}
	names := make([]string, 0, len(app.Spec.Channels))
	for _, row := range app.Spec.Channels {
		names = append(names, Channel(app, row).String())
	}
	return names
}

func madeFor(object client.Object) []string {
	if app := object.GetLabels()[render.AppLabel]; app != "" {
		return []string{app}
	}
	return nil
}

func testApp(object client.Object) []string {
	test, ok := object.(*pushv1.PushTest)
	if !ok {
		return nil
	}
	return []string{string(test.Spec.App)}
}
