/** What the OpenAPI document says beside the annotations: problems, examples, optional fields. */
package dev.atelier.api.document;
