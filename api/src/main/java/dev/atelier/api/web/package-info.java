/** What a browser is told and kept from: headers, cookies, hosts, other sites. */
package dev.atelier.api.web;
