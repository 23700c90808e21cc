package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// PushApp is an app whose users receive messages on their phones. The controller runs dispatchers for it: pods that know
// the app's devices, keep its messages and push through PushChannels to users who are offline.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=papp,categories=offlinepush
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Channels",type=string,JSONPath=`.status.summary.channels`
// +kubebuilder:printcolumn:name="Dispatchers",type=string,JSONPath=`.status.summary.dispatchers`
// +kubebuilder:printcolumn:name="Endpoint",type=string,JSONPath=`.status.summary.endpoint`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z][-a-z0-9]{0,39}$')",message="`metadata.name` must start with a letter, hold only lower case letters, digits and dashes, and be at most 40 characters: Services are named after it"
type PushApp struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object's metadata. The name is at most 40 characters; Services are named after it.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is the app that is wanted.
	// +required
	Spec PushAppSpec `json:"spec,omitzero"`

	// status is what the controller observed. Never edit it.
	// +kubebuilder:default={observedGeneration:-1,summary:{channels:"-",dispatchers:"-",endpoint:"-"},conditions:{{type:"Ready",status:"Unknown",reason:"Pending",message:"waiting for the controller",lastTransitionTime:"1970-01-01T00:00:00Z"}}}
	// +optional
	Status PushAppStatus `json:"status,omitzero"`
}

// PushAppList is a list of PushApps.
//
// +kubebuilder:object:root=true
type PushAppList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []PushApp `json:"items"`
}

// PushAppSpec says through which channels an app pushes, who may call it and how its dispatchers run.
//
// +kubebuilder:validation:XValidation:rule="!has(self.store.sqlite) || !has(self.dispatcher.replicas) || self.dispatcher.replicas == 1",message="`dispatcher.replicas` must be 1 with `store.sqlite`: a SQLite file has one writer; several dispatchers need `store.postgres`",fieldPath=".dispatcher.replicas"
// +kubebuilder:validation:XValidation:rule="!has(self.store.sqlite) || !has(self.dispatcher.autoscaling)",message="`dispatcher.autoscaling` must be unset with `store.sqlite`: a SQLite file has one writer; several dispatchers need `store.postgres`",fieldPath=".dispatcher.autoscaling"
type PushAppSpec struct {
	// appID identifies the app in its store, in tokens of devices and in metrics. Letters, digits, dots, dashes and
	// underscores, at most 64. It cannot change, because the store belongs to it.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9]([-._a-zA-Z0-9]*[a-zA-Z0-9])?$`
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="`appID` must not change: the store belongs to it; make another PushApp for another appID"
	// +required
	AppID string `json:"appID,omitempty"`

	// channels lists the PushChannels that the app sends through, at most 64. Vendor, appType, region and APNs environment of
	// a phone select the row; two rows that fit the same phone are the error AmbiguousChannel.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +required
	Channels []AppChannel `json:"channels,omitempty"`

	// pushProfiles are named ways to show a push, at most 64. A message names one as its resourcesID. Changing them restarts
	// no pod.
	// +listType=map
	// +listMapKey=resourcesID
	// +kubebuilder:validation:MaxItems=64
	// +optional
	PushProfiles []PushProfile `json:"pushProfiles,omitempty"`

	// routing says when a user counts as offline and how long a push lives. Changing it restarts no pod.
	// +kubebuilder:default={heartbeatSeconds:10,offlineAfterSeconds:35}
	// +optional
	Routing AppRouting `json:"routing,omitzero"`

	// store is where devices, messages and pushes are kept. Defaults to SQLite on a volume of 1Gi. It cannot change between
	// SQLite and PostgreSQL.
	// +kubebuilder:default={sqlite:{}}
	// +optional
	Store AppStore `json:"store,omitzero"`

	// auth says who may call the dispatchers.
	// +required
	Auth AppAuth `json:"auth,omitzero"`

	// callback tells the app's own server who logs in, logs out and goes offline. When unset, it is told nothing. Changing it
	// restarts no pod.
	// +optional
	Callback *AppCallback `json:"callback,omitempty"`

	// tracing sends OpenTelemetry traces. When unset, none. Changing it restarts no pod.
	// +optional
	Tracing *AppTracing `json:"tracing,omitempty"`

	// exposure says how phones and vendors reach the dispatchers.
	// +kubebuilder:default={}
	// +optional
	Exposure AppExposure `json:"exposure,omitzero"`

	// retention says how long data is kept.
	// +kubebuilder:default={}
	// +optional
	Retention AppRetention `json:"retention,omitzero"`

	// dispatcher says how the dispatchers' pods run. Changing it replaces the pods, except for their number.
	// +kubebuilder:default={}
	// +optional
	Dispatcher AppDispatcher `json:"dispatcher,omitzero"`
}

// ChannelNeed says whether an app is ready without a channel.
//
// +k8s:enum
type ChannelNeed string

const (
	// ChannelRequired makes the app wait for the channel before it is Ready.
	ChannelRequired ChannelNeed = "Required"
	// ChannelOptional leaves the app Ready while the channel is not.
	ChannelOptional ChannelNeed = "Optional"
)

// AppChannel is a channel that an app sends through.
type AppChannel struct {
	// name is the row's name in status, metrics and receipts. Lower case letters, digits and dashes, at most 63. It need not be
	// the name of the PushChannel.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	// +required
	Name string `json:"name,omitempty"`

	// channelRef names the PushChannel. It may be made later; until then the row says ChannelNotFound.
	// +required
	ChannelRef ChannelReference `json:"channelRef,omitzero"`

	// appType selects the phones that registered with this appType, where one app has several packages. From 1 to 9.
	// Defaults to 1.
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=9
	// +optional
	AppType int32 `json:"appType,omitempty"`

	// required is Required (the app is Ready only with this channel) or Optional. Defaults to Required. Either way the other
	// channels deliver while this one cannot.
	// +kubebuilder:default=Required
	// +optional
	Required ChannelNeed `json:"required,omitempty"`

	// share is this row's weight when the channel's limits are divided over all rows, of all PushApps, that use it: a row
	// with 200 gets twice as much as one with 100. From 1 to 1000. Defaults to 100.
	// +kubebuilder:default=100
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	// +optional
	Share int32 `json:"share,omitempty"`
}

// ChannelReference names a PushChannel, which may live in another namespace.
type ChannelReference struct {
	// name is the PushChannel's name.
	// +required
	Name DNSLabel `json:"name,omitempty"`

	// namespace is the PushChannel's namespace, whose channel must let this app in by its access. When unset, the app's own
	// namespace.
	// +optional
	Namespace DNSLabel `json:"namespace,omitempty"`
}

// AppRouting says when a user counts as offline and how long a push lives.
//
// +kubebuilder:validation:XValidation:rule="self.offlineAfterSeconds > 2 * self.heartbeatSeconds",message="`offlineAfterSeconds` must be more than twice `heartbeatSeconds`, so that one lost heartbeat takes nobody offline"
type AppRouting struct {
	// heartbeatSeconds is the time in seconds between two heartbeats of a session. From 5 to 120. Defaults to 10.
	// +kubebuilder:default=10
	// +kubebuilder:validation:Minimum=5
	// +kubebuilder:validation:Maximum=120
	// +optional
	HeartbeatSeconds int32 `json:"heartbeatSeconds,omitempty"`

	// offlineAfterSeconds is the time in seconds without a heartbeat after which a session is closed and its user gets pushes.
	// From 11 to 600, more than twice heartbeatSeconds. Defaults to 35.
	// +kubebuilder:default=35
	// +kubebuilder:validation:Minimum=11
	// +kubebuilder:validation:Maximum=600
	// +optional
	OfflineAfterSeconds int32 `json:"offlineAfterSeconds,omitempty"`

	// ackTimeoutSeconds is the time in seconds that a connected phone has to acknowledge a message before it is pushed. From
	// 1 to 60. Defaults to 3.
	// +kubebuilder:default=3
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=60
	// +optional
	AckTimeoutSeconds int32 `json:"ackTimeoutSeconds,omitempty"`

	// pushTTLSeconds is the time in seconds after which a push that was not delivered is dropped, here and at the vendor, when
	// the message names none. From 60 to 2419200 (28 days); a vendor's lower limit applies besides. Defaults to 86400 (1 day).
	// +kubebuilder:default=86400
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=2419200
	// +optional
	PushTTLSeconds int32 `json:"pushTTLSeconds,omitempty"`
}

// AppTracing says where traces go, and how many.
type AppTracing struct {
	// endpoint is the URL of an OTLP/HTTP receiver. Example: `http://otel:4318`.
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^https?://[-.a-zA-Z0-9]+(:\d+)?(/[-.\w/]*)?$`
	// +required
	Endpoint string `json:"endpoint,omitempty"`

	// samplingPercent is the part of messages traced. From 0 to 100. Defaults to 1.
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	// +optional
	SamplingPercent *int32 `json:"samplingPercent,omitempty"`
}

// AppRetention says how long data is kept.
type AppRetention struct {
	// messagesSeconds is how long in seconds messages wait for users who do not log in. From 3600 (1 hour) to 7776000
	// (90 days). Defaults to 604800 (7 days).
	// +kubebuilder:default=604800
	// +kubebuilder:validation:Minimum=3600
	// +kubebuilder:validation:Maximum=7776000
	// +optional
	MessagesSeconds int32 `json:"messagesSeconds,omitempty"`

	// receiptsSeconds is how long in seconds outcomes and the vendors' receipts are kept. From 3600 (1 hour) to 7776000
	// (90 days). Defaults to 604800 (7 days).
	// +kubebuilder:default=604800
	// +kubebuilder:validation:Minimum=3600
	// +kubebuilder:validation:Maximum=7776000
	// +optional
	ReceiptsSeconds int32 `json:"receiptsSeconds,omitempty"`

	// deadLettersSeconds is how long in seconds pushes that finally failed are kept with what they said, to be sent again.
	// From 3600 (1 hour) to 7776000 (90 days). Defaults to 604800 (7 days).
	// +kubebuilder:default=604800
	// +kubebuilder:validation:Minimum=3600
	// +kubebuilder:validation:Maximum=7776000
	// +optional
	DeadLettersSeconds int32 `json:"deadLettersSeconds,omitempty"`

	// inactiveDevicesSeconds is how long in seconds a device is kept that neither registered nor logged in. From 604800
	// (7 days) to 63072000 (2 years). Defaults to 23328000 (270 days, when FCM too forgets a phone).
	// +kubebuilder:default=23328000
	// +kubebuilder:validation:Minimum=604800
	// +kubebuilder:validation:Maximum=63072000
	// +optional
	InactiveDevicesSeconds int32 `json:"inactiveDevicesSeconds,omitempty"`
}
