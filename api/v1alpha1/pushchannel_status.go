package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// PushChannelStatus is what the controller observed of a channel.
type PushChannelStatus struct {
	// conditions say what is true of the channel: Resolved, CredentialsValid, Delivering and Ready; Reconciling and Stalled
	// are present only while True. Messages quote the vendor's own words.
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the metadata.generation that this status speaks of; -1 until the controller saw the object.
	// +kubebuilder:validation:Minimum=-1
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// credentials says which credential is in use.
	// +optional
	Credentials *ChannelCredentialsStatus `json:"credentials,omitempty"`

	// lastProbeTime is when the vendor was asked whether the credential is valid, the last time that this status changed. Probes
	// that say the same again are not written.
	// +optional
	LastProbeTime *metav1.Time `json:"lastProbeTime,omitempty"`

	// apps is the number of PushApps that send through this channel.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Apps *int32 `json:"apps,omitempty"`
}

// ChannelCredentialsStatus says which credential is in use.
type ChannelCredentialsStatus struct {
	// active is the credential that the vendor accepted last and that PushApps send with.
	// +optional
	Active *ActiveCredential `json:"active,omitempty"`
}

// ActiveCredential identifies a credential without revealing it.
type ActiveCredential struct {
	// secretName is the Secret that the credential was read from.
	// +required
	SecretName ObjectName `json:"secretName,omitempty"`

	// hash is the first 16 hexadecimal digits of a SHA-256 over the credential and the channel's UID: it changes with the
	// credential and reveals nothing of it.
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{16}$`
	// +kubebuilder:validation:MinLength=16
	// +kubebuilder:validation:MaxLength=16
	// +required
	Hash string `json:"hash,omitempty"`

	// notAfter is when the credential ends; unset for credentials without an end. Only certificates have one.
	// +optional
	NotAfter *metav1.Time `json:"notAfter,omitempty"`
}
