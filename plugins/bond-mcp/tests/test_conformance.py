from bond_server.testing import ServiceConformance


class TestMcp(ServiceConformance):
  name = "mcp"
