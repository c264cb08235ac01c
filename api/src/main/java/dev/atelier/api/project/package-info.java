/** Projects: what they may have, what they have used, and what that costs. */
package dev.atelier.api.project;
