package v1alpha1

// Vendor names a push vendor. Its lowerCamel form is the name of the vendor's member in a union.
//
// +k8s:enum
type Vendor string

const (
	// VendorFCM is Google's Firebase Cloud Messaging, HTTP v1. Its member is `fcm`.
	VendorFCM Vendor = "FCM"
	// VendorXiaomi is Xiaomi's Mi Push. Its member is `xiaomi`.
	VendorXiaomi Vendor = "Xiaomi"
	// VendorHuawei is Huawei's Push Kit for EMUI and HarmonyOS up to 4. Its member is `huawei`.
	VendorHuawei Vendor = "Huawei"
	// VendorHarmonyOS is Huawei's Push Kit v3 for HarmonyOS 5 and later. Its member is `harmonyOS`.
	VendorHarmonyOS Vendor = "HarmonyOS"
	// VendorOPPO is OPPO Push, for OPPO, OnePlus and realme phones. Its member is `oppo`.
	VendorOPPO Vendor = "OPPO"
	// VendorVivo is vivo Push, for vivo and iQOO phones. Its member is `vivo`.
	VendorVivo Vendor = "Vivo"
	// VendorHonor is Honor Push. Its member is `honor`.
	VendorHonor Vendor = "Honor"
	// VendorMeizu is Meizu's Flyme Push. Its member is `meizu`.
	VendorMeizu Vendor = "Meizu"
	// VendorAPNs is the Apple Push Notification service. Its member is `apns`.
	VendorAPNs Vendor = "APNs"
	// VendorWebPush is Web Push with VAPID (RFC 8030, 8291, 8292). Its member is `webPush`.
	VendorWebPush Vendor = "WebPush"
)

// HTTPSURL is an absolute https URL without user, query and fragment.
//
// +kubebuilder:validation:MinLength=9
// +kubebuilder:validation:MaxLength=1024
// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() == 'https' && url(self).getHostname().size() > 0 && !self.contains('@') && !self.contains('?') && !self.contains('#')",message="must be an https URL without user, query and fragment, for example `https://push.example.com`"
type HTTPSURL string

// ObjectName is the name of a Kubernetes object.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
type ObjectName string

// DNSLabel is the name of a namespace or of a PushChannel: lower case letters, digits and dashes.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
type DNSLabel string

// SecretReference names a Secret in the namespace of the object that refers to it.
type SecretReference struct {
	// name is the Secret's name.
	// +required
	Name ObjectName `json:"name,omitempty"`
}
