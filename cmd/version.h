/*
 * version - what this build calls itself. The Kubernetes release it plays is
 * another matter: see gates.h.
 */
#ifndef CMD_VERSION_H
#define CMD_VERSION_H

#define DRALAB_VERSION "0.1.0"

#endif
