// Starts Swagger UI on the service's own OpenAPI document, wherever the service is mounted.
SwaggerUIBundle({
  url: document.currentScript.dataset.openapi,
  dom_id: "#docs",
  deepLinking: true,
  displayRequestDuration: true,
  // A large answer is shown as text: highlighting a megabyte of numbers freezes the page.
  syntaxHighlight: { activated: false },
  validatorUrl: null,
});
