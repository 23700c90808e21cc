package render

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
)

const (
	volumeConfig = "config"
	volumeData   = "data"
	volumeTmp    = "tmp"
)

func volumes(app *pushv1.PushApp, n Names) []*corev1ac.VolumeApplyConfiguration {
	volumes := []*corev1ac.VolumeApplyConfiguration{
		secretVolume(volumeConfig, n.Dispatcher),
		corev1ac.Volume().WithName(volumeTmp).WithEmptyDir(corev1ac.EmptyDirVolumeSource()),
	}
	if !shared(app) {
		volumes = append(volumes, corev1ac.Volume().WithName(volumeData).
			WithPersistentVolumeClaim(corev1ac.PersistentVolumeClaimVolumeSource().WithClaimName(n.Data)))
	}
	return volumes
}

func secretVolume(name, secret string) *corev1ac.VolumeApplyConfiguration {
	return corev1ac.Volume().WithName(name).
		WithSecret(corev1ac.SecretVolumeSource().WithSecretName(secret).WithDefaultMode(0o440))
}

// mounts mount folders, never a subPath: a subPath never sees a changed Secret.
func mounts(app *pushv1.PushApp) []*corev1ac.VolumeMountApplyConfiguration {
	mounts := []*corev1ac.VolumeMountApplyConfiguration{
		corev1ac.VolumeMount().WithName(volumeConfig).WithMountPath(configDir).WithReadOnly(true),
		corev1ac.VolumeMount().WithName(volumeTmp).WithMountPath("/tmp"),
	}
	if !shared(app) {
		mounts = append(mounts, corev1ac.VolumeMount().WithName(volumeData).WithMountPath(dataDir))
	}
	return mounts
}

func podSecurity() *corev1ac.PodSecurityContextApplyConfiguration {
	return corev1ac.PodSecurityContext().
		WithRunAsNonRoot(true).
		WithRunAsUser(userID).
		WithRunAsGroup(userID).
		WithFSGroup(userID).
		WithFSGroupChangePolicy(corev1.FSGroupChangeOnRootMismatch).
		WithSeccompProfile(corev1ac.SeccompProfile().WithType(corev1.SeccompProfileTypeRuntimeDefault))
}

func containerSecurity() *corev1ac.SecurityContextApplyConfiguration {
	return corev1ac.SecurityContext().
		WithAllowPrivilegeEscalation(false).
		WithReadOnlyRootFilesystem(true).
		WithCapabilities(corev1ac.Capabilities().WithDrop("ALL"))
}

func probe(path string) *corev1ac.ProbeApplyConfiguration {
	return corev1ac.Probe().WithHTTPGet(corev1ac.HTTPGetAction().
		WithPath(path).WithPort(intstr.FromString(portAdmin)))
}

func resources(want corev1.ResourceRequirements) *corev1ac.ResourceRequirementsApplyConfiguration {
	r := corev1ac.ResourceRequirements()
	if len(want.Requests) > 0 {
		r.WithRequests(want.Requests)
	}
	if len(want.Limits) > 0 {
		r.WithLimits(want.Limits)
	}
	return r
}

func toleration(t corev1.Toleration) *corev1ac.TolerationApplyConfiguration {
	out := corev1ac.Toleration()
	if t.Key != "" {
		out.WithKey(t.Key)
	}
	if t.Operator != "" {
		out.WithOperator(t.Operator)
	}
	if t.Value != "" {
		out.WithValue(t.Value)
	}
	if t.Effect != "" {
		out.WithEffect(t.Effect)
	}
	if t.TolerationSeconds != nil {
		out.WithTolerationSeconds(*t.TolerationSeconds)
	}
	return out
}

func proxyEnvironment(proxy *pushv1.EgressProxy) []*corev1ac.EnvVarApplyConfiguration {
	if proxy == nil {
		return nil
	}
	env := []*corev1ac.EnvVarApplyConfiguration{corev1ac.EnvVar().WithName("HTTPS_PROXY").WithValue(proxy.URL)}
	if len(proxy.NoProxy) > 0 {
		env = append(env, corev1ac.EnvVar().WithName("NO_PROXY").WithValue(strings.Join(proxy.NoProxy, ",")))
	}
	return env
}
