package render

import "maps"

// Labels and annotations of the objects that this operator makes.
const (
	// ManagedByLabel has the value ManagedBy on every object that the manager makes.
	ManagedByLabel = "app.kubernetes.io/managed-by"
	// ManagedBy is the manager's name in labels and in field ownership.
	ManagedBy = "offlinepush-manager"
	// AppLabel names the PushApp that an object belongs to.
	AppLabel = "offlinepush.io/app"
	// ChannelLabel names the PushChannel that an object belongs to.
	ChannelLabel = "offlinepush.io/channel"
	// RevisionLabel tells pods of different templates apart.
	RevisionLabel = "offlinepush.io/revision"
	// AppIDAnnotation keeps the appID beside data that outlives the PushApp.
	AppIDAnnotation = "offlinepush.io/app-id"
	// UpgradeAnnotation on a Deployment names the revision that a new manager, and not the app's owner, rolls out; it is gone
	// once that is done.
	UpgradeAnnotation = "offlinepush.io/upgrade"
	// PoolModeAnnotation on a pod replaces it when the pool mode changes, which a running process cannot change.
	PoolModeAnnotation = "offlinepush.io/pool-mode"
	// ConfigHashAnnotation on a pod makes its kubelet refresh the mounted configuration.
	ConfigHashAnnotation = "offlinepush.io/config-hash"
)

// Selector matches the dispatchers of an app.
func Selector(app string) map[string]string {
	return map[string]string{"app.kubernetes.io/name": "offlinepush-dispatcher", AppLabel: app}
}

// Labels mark every object of an app.
func Labels(app string) map[string]string {
	labels := map[string]string{
		"app.kubernetes.io/instance":  app,
		"app.kubernetes.io/component": "dispatcher",
		"app.kubernetes.io/part-of":   "offlinepush",
		ManagedByLabel:                ManagedBy,
	}
	maps.Copy(labels, Selector(app))
	return labels
}
