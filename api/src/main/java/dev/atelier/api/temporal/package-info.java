/** The only place of the API that knows Temporal: starts, updates and queries of workflows. */
package dev.atelier.api.temporal;
