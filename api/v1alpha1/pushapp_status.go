package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// PushAppStatus is what the controller observed of an app.
type PushAppStatus struct {
	// conditions say what is true of the app: ChannelsReady, StoreReady, DispatcherAvailable, ConfigApplied and Ready;
	// Reconciling and Stalled are present only while True.
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the metadata.generation that this status speaks of; -1 until the controller saw the object.
	// +kubebuilder:validation:Minimum=-1
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// channels has one row for each of spec.channels.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	// +optional
	Channels []AppChannelStatus `json:"channels,omitempty"`

	// endpoints are the addresses at which the dispatchers are reached.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=3
	// +optional
	Endpoints []AppEndpoint `json:"endpoints,omitempty"`

	// dispatchers counts the pods.
	// +optional
	Dispatchers *DispatcherCount `json:"dispatchers,omitempty"`

	// configHash identifies the configuration rendered last; ConfigApplied says whether every dispatcher runs on it.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +optional
	ConfigHash string `json:"configHash,omitempty"`

	// summary repeats the facts above in the short form that `kubectl get` prints; programs should not read it.
	// +optional
	Summary *AppSummary `json:"summary,omitempty"`
}

// AppChannelStatus is the state of one channel as this app sees it.
type AppChannelStatus struct {
	// name is the row's name in spec.channels.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	Name string `json:"name,omitempty"`

	// vendor is the channel's vendor; unset until the channel is found.
	// +optional
	Vendor Vendor `json:"vendor,omitempty"`

	// ready is True, False or Unknown.
	// +kubebuilder:validation:Enum=True;False;Unknown
	// +required
	Ready metav1.ConditionStatus `json:"ready,omitempty"`

	// reason says in one CamelCase word why, for example ChannelNotFound.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +required
	Reason string `json:"reason,omitempty"`

	// message says the same to people, with the cure.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Message string `json:"message,omitempty"`
}

// EndpointName says whom an endpoint is for.
//
// +k8s:enum
type EndpointName string

const (
	// EndpointDevice is the Service for phones and vendors, inside the cluster.
	EndpointDevice EndpointName = "device"
	// EndpointServer is the Service for the app's own servers, inside the cluster.
	EndpointServer EndpointName = "server"
	// EndpointExternal is the address for phones and vendors from outside.
	EndpointExternal EndpointName = "external"
)

// AppEndpoint is an address at which the dispatchers are reached.
type AppEndpoint struct {
	// name is device (phones and vendors, inside the cluster), server (the app's own servers) or external (phones and
	// vendors, from outside).
	// +required
	Name EndpointName `json:"name,omitempty"`

	// url is the base URL.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +required
	URL string `json:"url,omitempty"`
}

// DispatcherCount counts the dispatchers' pods.
type DispatcherCount struct {
	// desired is the number of pods that are wanted.
	// +kubebuilder:validation:Minimum=0
	// +required
	Desired *int32 `json:"desired,omitempty"`

	// ready is the number of pods of the current version that accept work.
	// +kubebuilder:validation:Minimum=0
	// +required
	Ready *int32 `json:"ready,omitempty"`
}

// AppSummary is the state in the short form that `kubectl get` prints.
type AppSummary struct {
	// channels is the number of ready channels of all, for example `2/2`.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16
	// +required
	Channels string `json:"channels,omitempty"`

	// dispatchers is the number of ready dispatchers of those wanted, for example `1/1`.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16
	// +required
	Dispatchers string `json:"dispatchers,omitempty"`

	// endpoint is the address that phones use: the external one, else the one inside the cluster.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +required
	Endpoint string `json:"endpoint,omitempty"`
}
