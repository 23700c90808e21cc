package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
)

// AppDispatcher says how the dispatchers' pods run.
//
// +kubebuilder:validation:XValidation:rule="!has(self.replicas) || !has(self.autoscaling)",message="`replicas` must be unset with `autoscaling`, which decides it: remove one of them"
// +kubebuilder:validation:XValidation:rule="!has(self.autoscaling) || (has(self.resources.requests) && 'cpu' in self.resources.requests) || (has(self.resources.limits) && 'cpu' in self.resources.limits)",message="`resources.requests` must name `cpu` with `autoscaling`: the utilization is a part of it",fieldPath=".resources"
type AppDispatcher struct {
	// replicas is the number of dispatchers. From 1 to 100, but 1 with store.sqlite and unset with autoscaling. When unset, 1.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	// +optional
	Replicas int32 `json:"replicas,omitempty"`

	// autoscaling lets a HorizontalPodAutoscaler choose the number of dispatchers. Only with store.postgres.
	// +optional
	Autoscaling *DispatcherAutoscaling `json:"autoscaling,omitempty"`

	// image is the dispatcher's image. When unset, the one that the manager was released with, which moves with the manager.
	// Example: `registry.example.com/offlinepush/dispatcher:v0.1.0`.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^[^\s]+$`
	// +optional
	Image string `json:"image,omitempty"`

	// imagePullSecrets name Secrets for the image's registry. At most 8.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=8
	// +optional
	ImagePullSecrets []SecretReference `json:"imagePullSecrets,omitempty"`

	// resources are the container's requests and limits. Defaults to requests of 100m CPU and 256Mi memory and a limit of
	// 256Mi memory; a memory limit above the request invites eviction.
	// +kubebuilder:default={requests:{cpu:"100m",memory:"256Mi"},limits:{memory:"256Mi"}}
	// +kubebuilder:validation:XValidation:rule="!has(self.claims)",message="`claims` must be unset: dispatchers use no devices"
	// +optional
	Resources corev1.ResourceRequirements `json:"resources,omitzero"`

	// nodeSelector are labels that a node must have. At most 32.
	// +kubebuilder:validation:MaxProperties=32
	// +optional
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`

	// tolerations let pods onto nodes with matching taints. At most 32.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +optional
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`

	// topologySpreadConstraints say how dispatchers spread over nodes, zones and the like. At most 8. When unset, over nodes
	// and zones as far as there are any.
	// +listType=map
	// +listMapKey=topologyKey
	// +kubebuilder:validation:MaxItems=8
	// +optional
	TopologySpreadConstraints []TopologySpread `json:"topologySpreadConstraints,omitempty"`

	// priorityClassName is the pods' PriorityClass. When unset, the cluster's default.
	// +optional
	PriorityClassName ObjectName `json:"priorityClassName,omitempty"`

	// podLabels are added to the pods, for example for a service mesh. At most 32.
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('offlinepush.io/') && !k.startsWith('app.kubernetes.io/'))",message="`podLabels` must not use the prefixes 'offlinepush.io/' and 'app.kubernetes.io/', which are the operator's"
	// +optional
	PodLabels map[string]string `json:"podLabels,omitempty"`

	// podAnnotations are added to the pods, for example for a log collector. At most 32.
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('offlinepush.io/'))",message="`podAnnotations` must not use the prefix 'offlinepush.io/', which is the operator's"
	// +optional
	PodAnnotations map[string]string `json:"podAnnotations,omitempty"`

	// proxy is the HTTP proxy through which dispatchers reach the vendors. When unset, they reach them directly.
	// +optional
	Proxy *EgressProxy `json:"proxy,omitempty"`
}

// DispatcherAutoscaling says between which numbers of dispatchers a HorizontalPodAutoscaler chooses, and by what.
//
// +kubebuilder:validation:XValidation:rule="self.minReplicas <= self.maxReplicas",message="`minReplicas` must not be more than `maxReplicas`"
type DispatcherAutoscaling struct {
	// minReplicas is the least number of dispatchers. From 1 to 100. Defaults to 2, so that one can fail.
	// +kubebuilder:default=2
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	// +optional
	MinReplicas int32 `json:"minReplicas,omitempty"`

	// maxReplicas is the largest number of dispatchers. From 1 to 100, at least minReplicas. Each may open 10 connections to
	// the database.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	// +required
	MaxReplicas int32 `json:"maxReplicas,omitempty"`

	// targetCPUUtilizationPercent is the average part of the requested CPU, in percent, that the dispatchers should use. From
	// 10 to 1000. Defaults to 70.
	// +kubebuilder:default=70
	// +kubebuilder:validation:Minimum=10
	// +kubebuilder:validation:Maximum=1000
	// +optional
	TargetCPUUtilizationPercent int32 `json:"targetCPUUtilizationPercent,omitempty"`
}

// SpreadPolicy says what becomes of a pod that cannot be spread.
//
// +k8s:enum
type SpreadPolicy string

const (
	// SpreadScheduleAnyway takes the best node there is.
	SpreadScheduleAnyway SpreadPolicy = "ScheduleAnyway"
	// SpreadDoNotSchedule lets the pod wait for a node.
	SpreadDoNotSchedule SpreadPolicy = "DoNotSchedule"
)

// TopologySpread spreads the app's dispatchers of one version over the nodes' values of a label.
type TopologySpread struct {
	// topologyKey is the nodes' label, at most 317 characters. Example: `topology.kubernetes.io/zone`.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=317
	// +kubebuilder:validation:Pattern=`^([a-z0-9]([-.a-z0-9]*[a-z0-9])?/)?[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$`
	// +required
	TopologyKey string `json:"topologyKey,omitempty"`

	// maxSkew is by how many dispatchers two values of the label may differ. From 1 to 100. Defaults to 1.
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	// +optional
	MaxSkew int32 `json:"maxSkew,omitempty"`

	// whenUnsatisfiable is ScheduleAnyway (take the best node there is) or DoNotSchedule (wait for one). Defaults to
	// ScheduleAnyway.
	// +kubebuilder:default=ScheduleAnyway
	// +optional
	WhenUnsatisfiable SpreadPolicy `json:"whenUnsatisfiable,omitempty"`
}

// EgressProxy is an HTTP proxy for calls to the vendors, which stay encrypted inside it.
type EgressProxy struct {
	// url is the proxy's address, http or https, without user. Example: `http://proxy.example.com:3128`.
	// +kubebuilder:validation:MinLength=8
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() in ['http', 'https'] && url(self).getHostname() != '' && !self.contains('@')",message="`url` must be an http or https URL without user, for example `http://proxy.example.com:3128`"
	// +required
	URL string `json:"url,omitempty"`

	// noProxy lists hosts, domains that start with a dot, and CIDRs that are reached directly. At most 64.
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +optional
	NoProxy []string `json:"noProxy,omitempty"`
}
