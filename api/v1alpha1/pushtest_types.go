package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// PushTest sends one push to the phones of a user, or to one phone, and shows what each hop answered. It runs once: its spec
// cannot change, and the same object never pushes twice. A phone gets at most one test in 5 seconds; the next one waits.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=ptest,categories=offlinepush
// +kubebuilder:printcolumn:name="App",type=string,JSONPath=`.spec.app`
// +kubebuilder:printcolumn:name="Target",type=string,JSONPath=`.status.target`
// +kubebuilder:printcolumn:name="Vendor",type=string,JSONPath=`.status.vendors`
// +kubebuilder:printcolumn:name="Result",type=string,JSONPath=`.status.result`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type PushTest struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is the push that is wanted. It cannot change: make another PushTest instead.
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="`spec` must not change: make another PushTest for another push"
	// +required
	Spec PushTestSpec `json:"spec,omitzero"`

	// status is what became of the push. Never edit it.
	// +kubebuilder:default={observedGeneration:-1,result:"Running",target:"-",vendors:"-",conditions:{{type:"Ready",status:"Unknown",reason:"Pending",message:"waiting for the controller",lastTransitionTime:"1970-01-01T00:00:00Z"}}}
	// +optional
	Status PushTestStatus `json:"status,omitzero"`
}

// PushTestList is a list of PushTests.
//
// +kubebuilder:object:root=true
type PushTestList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []PushTest `json:"items"`
}

// PushTestSpec says what to push, and to whom.
//
// +kubebuilder:validation:XValidation:rule="has(self.pushID) != has(self.userID)",message="exactly one of `pushID` and `userID` must be set: a phone, or a user with all phones"
// +kubebuilder:validation:XValidation:rule="has(self.title) || has(self.content) || has(self.payload)",message="`title`, `content` or `payload` must be set: there is nothing to push"
type PushTestSpec struct {
	// app names the PushApp, in the test's namespace, whose phone gets the push.
	// +required
	App DNSLabel `json:"app,omitempty"`

	// pushID is the phone, as its registration answered. Also a phone without a user gets the push.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +optional
	PushID string `json:"pushID,omitempty"`

	// userID is the user whose phones get the push, at most 10 of them.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +optional
	UserID string `json:"userID,omitempty"`

	// title is the notification's title. Most vendors in China refuse a notification that lacks title or content: give
	// both.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Title string `json:"title,omitempty"`

	// content is the notification's text.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +optional
	Content string `json:"content,omitempty"`

	// payload is handed to the app on the phone, which alone knows what it means.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=3072
	// +optional
	Payload string `json:"payload,omitempty"`

	// resourcesID names one of the app's push profiles. When unset, the push is a plain alert.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[!-~]+$`
	// +optional
	ResourcesID string `json:"resourcesID,omitempty"`

	// ttlSecondsAfterFinished is the time in seconds after which a finished test deletes itself. From 0 to 2592000. When
	// unset, it stays: a GitOps tool would make a deleted one again, and push again.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2592000
	// +optional
	TTLSecondsAfterFinished *int32 `json:"ttlSecondsAfterFinished,omitempty"`
}

// PushTestResult is how a test ended.
//
// +k8s:enum
type PushTestResult string

const (
	// PushTestRunning waits for an answer.
	PushTestRunning PushTestResult = "Running"
	// PushTestSucceeded means that every vendor took the push.
	PushTestSucceeded PushTestResult = "Succeeded"
	// PushTestFailed means that a hop refused it; the conditions and the devices say why.
	PushTestFailed PushTestResult = "Failed"
)

// PushTestStatus is what became of a test.
type PushTestStatus struct {
	// conditions say what is true of the test: Ready, Complete and Failed; Reconciling and Stalled are present only while
	// True.
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the metadata.generation that this status speaks of; -1 until the controller saw the object.
	// +kubebuilder:validation:Minimum=-1
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// result is Running, Succeeded (every vendor took the push) or Failed.
	// +optional
	Result PushTestResult `json:"result,omitempty"`

	// target is the pushID or the userID of the spec; - until the controller saw the object.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	Target string `json:"target,omitempty"`

	// vendors are those of the devices, joined by commas; - without any.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Vendors string `json:"vendors,omitempty"`

	// messageID is the dispatcher's id of the push.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	MessageID string `json:"messageID,omitempty"`

	// startTime is when the dispatcher took the push.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`

	// completionTime is when the last device had its result.
	// +optional
	CompletionTime *metav1.Time `json:"completionTime,omitempty"`

	// devices are the phones that the push was for, at most 10.
	// +listType=map
	// +listMapKey=pushID
	// +kubebuilder:validation:MaxItems=10
	// +optional
	Devices []PushTestDevice `json:"devices,omitempty"`
}

// PushTestDevice is one phone with what its two hops answered.
type PushTestDevice struct {
	// pushID is the phone.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +required
	PushID string `json:"pushID,omitempty"`

	// channel is the app's channel row that serves the phone.
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Channel string `json:"channel,omitempty"`

	// vendor is the phone's.
	// +optional
	Vendor Vendor `json:"vendor,omitempty"`

	// dispatcher says whether the dispatcher could send to the phone.
	// +optional
	Dispatcher PushTestHop `json:"dispatcher,omitzero"`

	// push says what the vendor answered.
	// +optional
	Push PushTestHop `json:"push,omitzero"`

	// receipt says what the vendor reported later; unset until it does.
	// +optional
	Receipt *PushTestReceipt `json:"receipt,omitempty"`
}

// PushTestHopStatus is how far a hop got.
//
// +k8s:enum
type PushTestHopStatus string

const (
	// PushTestHopPending has no answer yet.
	PushTestHopPending PushTestHopStatus = "Pending"
	// PushTestHopSucceeded took the push.
	PushTestHopSucceeded PushTestHopStatus = "Succeeded"
	// PushTestHopFailed refused it.
	PushTestHopFailed PushTestHopStatus = "Failed"
	// PushTestHopSkipped was not asked, because the hop before refused.
	PushTestHopSkipped PushTestHopStatus = "Skipped"
)

// PushTestHop is the answer of one hop.
type PushTestHop struct {
	// status is Pending, Succeeded, Failed or Skipped.
	// +optional
	Status PushTestHopStatus `json:"status,omitempty"`

	// code is the hop's own: a reason of the dispatcher, or the vendor's code.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Code string `json:"code,omitempty"`

	// message says what code means, in the hop's own words.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Message string `json:"message,omitempty"`

	// answer is what the vendor answered, without secrets and tokens, at most 2 KiB.
	// +kubebuilder:validation:MaxLength=2048
	// +optional
	Answer string `json:"answer,omitempty"`

	// messageID is the vendor's id of the push.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	MessageID string `json:"messageID,omitempty"`

	// latencyMilliseconds is the time from the request to the vendor's answer.
	// +kubebuilder:validation:Minimum=0
	// +optional
	LatencyMilliseconds *int64 `json:"latencyMilliseconds,omitempty"`
}

// PushTestReceipt is what the vendor reported after its answer.
type PushTestReceipt struct {
	// event is Delivered, Clicked, Dropped or InvalidToken.
	// +kubebuilder:validation:MaxLength=32
	// +required
	Event string `json:"event,omitempty"`

	// code is the vendor's own.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Code string `json:"code,omitempty"`

	// message says what code means.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Message string `json:"message,omitempty"`

	// time is when it happened, by the vendor's clock where the vendor tells.
	// +optional
	Time *metav1.Time `json:"time,omitempty"`
}
