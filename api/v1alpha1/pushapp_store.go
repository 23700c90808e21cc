package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
)

// AppStore is where an app's devices, messages and pushes are kept: exactly one member is set.
//
// +kubebuilder:validation:XValidation:rule="has(self.sqlite)",message="exactly one store must be set: `sqlite`"
type AppStore struct {
	// sqlite keeps the data in a SQLite file on a volume, which allows one dispatcher. `{}` takes every default.
	// +optional
	SQLite *SQLiteStore `json:"sqlite,omitempty"`
}

// VolumeRetention says what becomes of a volume when its PushApp is deleted.
//
// +k8s:enum
type VolumeRetention string

const (
	// VolumeRetain keeps the volume; a PushApp of the same name and appID adopts it again.
	VolumeRetain VolumeRetention = "Retain"
	// VolumeDelete deletes the volume together with the PushApp.
	VolumeDelete VolumeRetention = "Delete"
)

// SQLiteStore is a SQLite file on a volume.
//
// +kubebuilder:validation:XValidation:rule="has(self.storageClassName) == has(oldSelf.storageClassName) && (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)",message="`storageClassName` must not change: a PersistentVolumeClaim cannot move to another class"
type SQLiteStore struct {
	// size is the volume's size. At least 64Mi; it can grow where the storage class allows it, never shrink.
	// Plan about 1 KiB a device and 2 KiB a message that is kept.
	// Defaults to 1Gi.
	// +kubebuilder:default="1Gi"
	// +kubebuilder:validation:XValidation:rule="quantity(string(self)).compareTo(quantity('64Mi')) >= 0",message="`size` must be at least 64Mi"
	// +kubebuilder:validation:XValidation:rule="quantity(string(self)).compareTo(quantity(string(oldSelf))) >= 0",message="`size` must not shrink: a PersistentVolumeClaim can only grow"
	// +optional
	Size resource.Quantity `json:"size,omitzero"`

	// storageClassName is the volume's StorageClass; an empty string asks for a volume made by hand. When unset, the cluster's
	// default class. It cannot change.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	StorageClassName *string `json:"storageClassName,omitempty"`

	// retention is Retain (the volume outlives the PushApp, and one of the same name and appID adopts it again) or Delete.
	// Defaults to Retain.
	// +kubebuilder:default=Retain
	// +optional
	Retention VolumeRetention `json:"retention,omitempty"`
}
