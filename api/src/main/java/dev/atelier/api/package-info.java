/** The settings that all of the REST API shares. */
package dev.atelier.api;
