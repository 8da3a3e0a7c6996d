/*
 * crd_version - names of API versions in order of preference: v2, v1, v1beta2, v1alpha1, then others by name
 * (apimachinery pkg/version, CompareKubeAwareVersionStrings).
 */
#ifndef APISERVER_CRD_VERSION_H
#define APISERVER_CRD_VERSION_H

/* Positive when `x` is preferred to `y`, 0 when they are the same. */
int version_compare(const char *x, const char *y);

#endif
