/*
 * yaml_lib - libyaml's own header, which has the name of ours: the next one on
 * the include path. Include it as <yaml_lib.h>, so that it is found through
 * that path itself.
 */
#ifndef BASE_YAML_LIB_H
#define BASE_YAML_LIB_H

#include_next <yaml.h>

#endif
