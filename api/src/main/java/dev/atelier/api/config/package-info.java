/**
 * What of the configuration is more than a value: secrets in files, limits of bodies, the version
 * of the schema.
 */
package dev.atelier.api.config;
