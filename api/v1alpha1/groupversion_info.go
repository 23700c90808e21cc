// Package v1alpha1 holds the objects that people apply: PushChannel, the credentials and limits of one push vendor, and
// PushApp, an app whose messages reach phones through channels. Validation and defaults live in the CRDs generated from
// these types; there is no webhook. The package imports apimachinery and k8s.io/api only.
//
// +kubebuilder:object:generate=true
// +kubebuilder:ac:generate=true
// +kubebuilder:ac:output:package="applyconfiguration"
// +groupName=offlinepush.io
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupName is the API group of every kind in this package.
const GroupName = "offlinepush.io"

// SchemeGroupVersion names this package's API group and version.
var SchemeGroupVersion = schema.GroupVersion{Group: GroupName, Version: "v1alpha1"}

// AddToScheme registers this package's kinds with a scheme.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(SchemeGroupVersion,
		&PushChannel{}, &PushChannelList{},
		&PushApp{}, &PushAppList{},
		&PushTest{}, &PushTestList{},
	)
	metav1.AddToGroupVersion(scheme, SchemeGroupVersion)
	return nil
}
