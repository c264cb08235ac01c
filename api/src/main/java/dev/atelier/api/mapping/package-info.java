/** Turns every exception that leaves a resource into its problem document. */
package dev.atelier.api.mapping;
